# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bash completion for gradcam. Commands, options and their words come from the program's own --help, networks from
# `gradcam models`, classes and layers from the network that the line names.

_gradcam_words() {
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_gradcam() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} program=${COMP_WORDS[0]} command= i
    local model=

    COMPREPLY=()
    [ "$COMP_CWORD" -le 1 ] || command=${COMP_WORDS[1]}
    if [ -z "$command" ]; then
        _gradcam_words "$("$program" --help 2> /dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
--help
--version"
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in -m|--model) model=${COMP_WORDS[i+1]} ;; esac
    done
    case $command,$before in
    *,-m|*,--model|info,info|layers,layers|classes,classes|bench,bench)
        _gradcam_words "$("$program" models 2> /dev/null | sed -n 's/^\([^ ][^ ]*\) .*/\1/p')"
        COMPREPLY+=($(compgen -f -- "$current"))
        return ;;
    fetch,fetch)
        _gradcam_words "$("$program" models 2> /dev/null | sed -n 's/^\([^ ][^ ]*\) .*/\1/p')"
        return ;;
    *,-c|*,--class)
        _gradcam_words "auto
auto3
$("$program" classes $model 2> /dev/null | sed -n 's/^ *[0-9][0-9]* *\([^,]*\).*/\1/p')"
        return ;;
    *,-l|*,--layer)
        _gradcam_words "auto
$("$program" layers $model 2> /dev/null | awk '{ print $1 == "*" ? $2 : $1 }')"
        return ;;
    *,--method)
        _gradcam_words "$("$program" methods --quiet 2> /dev/null)"
        return ;;
    esac
    case $current in
    -*)
        _gradcam_words "$("$program" "$command" --help 2> /dev/null \
            | sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p')"
        return ;;
    esac
    COMPREPLY=($(compgen -f -- "$current"))
}

complete -o filenames -o bashdefault -F _gradcam gradcam
