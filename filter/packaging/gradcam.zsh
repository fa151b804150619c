#compdef gradcam
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# zsh completion for gradcam, by what the program says of itself: commands and options from --help, networks from
# `gradcam models`, classes, layers and methods from those commands.

local program=$words[1] model= i
local -a list

if (( CURRENT == 2 )); then
    list=(${(f)"$($program --help 2> /dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  *\(.*\)/\1:\2/p')"})
    _describe command list
    return
fi
for ((i = 3; i < CURRENT; i++)); do
    [[ $words[i] == (-m|--model) ]] && model=$words[i+1]
done
case $words[2],$words[CURRENT-1] in
*,-m|*,--model|info,info|layers,layers|classes,classes|bench,bench|fetch,fetch)
    list=(${(f)"$($program models 2> /dev/null | sed -n 's/^\([^ ][^ ]*\) .*/\1/p')"})
    [[ $words[2] == fetch ]] || _files
    compadd -a list
    ;;
*,-c|*,--class)
    list=(auto auto3 ${(f)"$($program classes $model 2> /dev/null | sed -n 's/^ *[0-9][0-9]* *\([^,]*\).*/\1/p')"})
    compadd -a list
    ;;
*,-l|*,--layer)
    list=(auto ${(f)"$($program layers $model 2> /dev/null | awk '{ print $1 == "*" ? $2 : $1 }')"})
    compadd -a list
    ;;
*,--method)
    list=(${(f)"$($program methods --quiet 2> /dev/null)"})
    compadd -a list
    ;;
*)
    if [[ $words[CURRENT] == -* ]]; then
        list=(${(f)"$($program $words[2] --help 2> /dev/null | sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p')"})
        compadd -a list
    else
        _files
    fi
    ;;
esac
