#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# gradcam eval: measures on rendered scenes against plain Python, forms of data sets, journals, shards, what is refused.
#
# timeout: 600

. "$SRC/tests/cli/common.sh"
command -v python3 > /dev/null || { echo "skip - cli eval: no python3"; exit 0; }
[ -x "$BUILD/samples/scenes_main" ] || { echo "skip - cli eval: no sample that renders scenes"; exit 0; }

for seed in 3 5; do
    "$BUILD/samples/scenes_main" still 160 160 $seed scene$seed || exit 1
done
python3 "$SRC/tests/cli/eval.py" scenes . || exit 1

# EXPRESSION: whether it is true of the JSON on stdout, `r` its first row's measures.
is_true() {
    python3 -c 'import json, sys
d = json.load(open("stdout"))
r = d["rows"][0]["measures"]
sys.exit(not eval("(" + sys.argv[1] + ")"))' "$1" 2>> stderr
}

# -------------------------------------------------------------------------------------------------------------- figures
all=top1_error,loc_top1_error,gt_known,iou,pxap,pointing_game,energy_pointing_game,average_drop,increase
all=$all,complexity,deletion
run eval boxes.csv --metrics $all --steps 2 --json
cp stdout figures.json
[ $status = 0 ] && ! [ -s stderr ] && is_true 'r["iou"]["inverse"]["n"] == r["iou"]["n"] == d["items"]'
check "eval a csv" $?
python3 "$SRC/tests/cli/eval.py" check "$gradcam" || bad=1

run eval boxes.csv --metrics road,insertion,occlusion_rank_correlation,arcc,adcc,maxboxacc,maxboxacc_v2 --steps 2 \
    --limit 2 --json
[ $status = 0 ] && is_true 'all(v["n"] == 2 and v["value"] is not None for v in r.values()) and
    abs(r["road"]["value"] + r["road"]["inverse"]["value"]) < 1e-3 and len(r["maxboxacc_v2"]["thresholds"]) == 3'
check "eval dear measures" $?

# ------------------------------------------------------------------------------------------------- journals and shards
measures="--metrics iou,maxboxacc,pointing_game"
run eval boxes.csv $measures --methods gradcam,layercam --json
cp stdout whole.json
[ $status = 0 ] && is_true 'len(d["rows"]) == 2 and d["ranks"]["mean"] and
    "less_first" in d["rows"][1]["measures"]["iou"]'
check "eval two methods" $?
run eval boxes.csv $measures --methods gradcam,layercam --journal part0 --shard 0/2 --json
run eval boxes.csv $measures --methods gradcam,layercam --journal part1 --shard 1/2 --json
run eval boxes.csv $measures --methods gradcam,layercam --merge part0 --merge part1 --json
[ $status = 0 ] && cmp -s stdout whole.json
check "parts become the whole" $?
head -c -20 part0 > cut && cp cut part0
run eval boxes.csv $measures --methods gradcam,layercam --journal part0 --json
[ $status = 0 ] && cmp -s stdout whole.json
check "a run that was ended goes on" $?
run eval boxes.csv $measures --methods gradcam,layercam --merge part0 --json --threads 1
[ $status = 0 ] && cmp -s stdout whole.json
check "and its journal is whole" $?
mkdir array && cp boxes.csv scene*.ppm array/
for i in 0 1 2; do
    (cd array && GRADCAM=$gradcam SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=3 SLURM_CPUS_PER_TASK=1 \
        sh "$SRC/samples/eval.sbatch" boxes.csv $measures --methods gradcam,layercam) > /dev/null 2>> stderr
done
(cd array && GRADCAM=$gradcam sh "$SRC/samples/eval.sbatch" merge 3 boxes.csv $measures --methods gradcam,layercam) \
    > stdout 2>> stderr && cmp -s stdout whole.json
check "the sample of an array of jobs" $?
refused "a journal of something else" 1 "other settings" eval boxes.csv --metrics iou --journal part0
echo "a file of mine" > mine
refused "a journal that is none" 1 "no journal" eval boxes.csv --metrics iou --journal mine
[ "$(cat mine)" = "a file of mine" ]
check "is left alone" $?
refused "a part that is none" 2 "0/4 to 3/4" eval boxes.csv --shard 2/2 --journal other
refused "a part without a journal" 2 "journal" eval boxes.csv --shard 1/2

# ---------------------------------------------------------------------------------------------------------------- forms
label=$(sed -n 2p boxes.csv | cut -d, -f2)
mkdir -p folders/"$label" && cp scene3.ppm folders/"$label"/
run eval folders --metrics top1_error,complexity --json
[ $status = 0 ] && is_true 'd["form"] == "folders" and d["items"] == 1 and r["complexity"]["n"] == 1'
check "eval a folder for each class" $?
printf 'scene3.ppm %s\nscene5.ppm %s\nmissing.ppm %s\n' "$label" "$label" "$label" > list.txt
run eval list.txt --metrics complexity --json
[ $status = 0 ] && grep -q 'missing.ppm' stderr && is_true 'd["form"] == "list" and d["unreadable"] == 1 and
    r["complexity"]["n"] == 2'
check "eval a list with a picture that is missing" $?

box=$(sed -n 2p boxes.csv)
IFS=, read -r file class xmin ymin xmax ymax mask << END
$box
END
mkdir -p voc/Annotations voc/JPEGImages && cp "$file" voc/JPEGImages/
cat > voc/Annotations/one.xml << END
<annotation><filename>$file</filename><object><name>$class</name><difficult>0</difficult>
<bndbox><xmin>$((xmin + 1))</xmin><ymin>$((ymin + 1))</ymin><xmax>$xmax</xmax><ymax>$ymax</ymax></bndbox></object>
</annotation>
END
echo '<annotation><object>' > voc/Annotations/two.xml
cat > coco.json << END
{"images": [{"id": 7, "file_name": "$file"}], "categories": [{"id": 3, "name": "$class"}], "annotations": [
 {"image_id": 7, "category_id": 3, "bbox": [$xmin, $ymin, $((xmax - xmin)), $((ymax - ymin))], "iscrowd": 0},
 {"image_id": 8, "category_id": 3, "bbox": [1, 1, 2, 2], "iscrowd": 0}]}
END
mkdir -p maxboxacc && cp "$file" maxboxacc/
echo "$file,$class" > maxboxacc/class_labels.txt
echo "$file,$xmin,$ymin,$((xmax - 1)),$((ymax - 1))" > maxboxacc/localization.txt
printf 'file,class,xmin,ymin,xmax,ymax,mask\n%s\n' "$box" > one.csv
run eval one.csv --metrics iou,energy_pointing_game --json
run eval one.csv --metrics pxap --json
masked=$(is_true 'print(r["pxap"]["value"])')
mkdir -p masks && cp "$file" "$mask" masks/ && echo "$file,$class" > masks/class_labels.txt
echo "$file,$mask," > masks/localization.txt
run eval masks --metrics pxap --json
[ $status = 0 ] && [ "$(is_true 'print(r["pxap"]["value"])')" = "$masked" ]
check "masks of MaxBoxAcc's lists" $?
echo "$file,$mask,$mask" > masks/localization.txt
run eval masks --metrics pxap --json
[ $status = 0 ] && [ "$(is_true 'print(r["pxap"]["value"])')" = "$masked" ]
check "what is a thing is not ignored" $?
rm masks/"$mask"
run eval masks --metrics pxap,complexity --json
[ $status = 0 ] && grep -q "$mask" stderr && is_true 'r["pxap"]["n"] == 0 and r["complexity"]["n"] == 1'
check "a mask that is missing" $?
run eval one.csv --metrics pxap --no-control --journal hand
python3 "$SRC/tests/cli/eval.py" precision hand
run eval one.csv --metrics pxap --no-control --merge hand --json
[ $status = 0 ] && is_true 'abs(r["pxap"]["value"] - 5 / 6) < 1e-8'
check "average precision by hand" $?
run eval one.csv --metrics iou,energy_pointing_game --json
measured() { python3 -c 'import json; print(json.load(open("stdout"))["rows"][0]["measures"])'; }
value=$(measured)
for form in voc coco.json maxboxacc; do
    run eval $form --metrics iou,energy_pointing_game --json
    if grep -q 'was built without' stderr; then
        echo "skip - cli eval $form: $(sed 's/.*this gradcam/this gradcam/' stderr)"
        continue
    fi
    [ $status = 0 ] && [ "$(measured)" = "$value" ]
    check "eval $form" $?
    [ $form = maxboxacc ] || { is_true 'd["skipped"] == 1'; check "eval $form tells what it left out" $?; }
done

# -------------------------------------------------------------------------------------------------------------- refused
refused "a data set that is missing" 1 "nowhere" eval nowhere
refused "a file that is no data set" 1 "no data set" eval scene3.ppm
printf 'a,b\n1,2\n' > odd.csv
refused "a csv without names" 1 "file,class" eval odd.csv
printf 'file,class\nscene3.ppm,zebra crossing\n' > unknown.csv
refused "classes that the network does not know" 1 "zebra crossing" eval unknown.csv
refused "a measure that there is not" 2 "did you mean" eval boxes.csv --metrics pointing_gam
refused "a method that there is not" 2 "methods" eval boxes.csv --methods gradcum
mkdir -p empty
refused "a data set without pictures" 1 "no pictures" eval empty

# --------------------------------------------------------------------------------------------------------------- others
run eval boxes.csv --metrics iou,complexity --csv rows.csv --no-control
[ $status = 0 ] && [ "$(wc -l < rows.csv)" = "$(wc -l < boxes.csv)" ] &&
    grep -q '^model,method,file,class,iou,complexity$' rows.csv
check "eval writes a line for each picture" $?
run eval boxes.csv --table1 --limit 2
[ $status = 0 ] && grep -q 'Grad-CAM' stdout && grep -q 'c-MWP' stdout && grep -q "only for the 50,000" stdout
check "the paper's Table 1" $?
run eval boxes.csv --metrics iou,complexity --methods gradcam,layercam --html page.html
[ $status = 0 ] && python3 - << 'END' 2>> stderr
import html.parser, re
text = open("page.html", encoding="utf-8").read()
class Checker(html.parser.HTMLParser):
    open, seen = [], {}
    def handle_starttag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in ("meta", "img"):
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
checker = Checker()
checker.feed(text)
assert not checker.open and checker.seen["figure"] >= 6 and checker.seen["svg"] >= 8, checker.seen
assert checker.seen["img"] == text.count("data:image/jpeg;base64,/9j/")
assert not re.search(r'(src|href)=.(?!data:)', text), "something outside of the page"
END
check "eval writes a page that needs nothing else" $?

# --------------------------------------------------------------------------------------------------------- two of them
run info && cp "$SRC/models/default.bin" one.bin && cp one.bin two.bin
run compare one.bin two.bin boxes.csv --metrics iou,complexity --json --html both.html
[ $status = 0 ] && python3 - << 'END' 2>> stderr
import json
d = json.load(open("stdout"))
assert d["models"] == ["one", "two"] and d["same_guess"] == d["pictures"] and d["maps_alike"] > .9999
m = d["measures"]["iou"]
assert m["difference"]["value"] == 0 and m["prefers"] == "" and m["first"] == m["second"]
assert open("both.html").read().count("<img") == 2 * d["pictures"]
END
check "a network compared with itself" $?
run compare one.bin one.bin scene3.ppm scene5.ppm --metrics complexity
[ $status = 0 ] && grep -q 'same best guess for 2' stdout
check "compare on pictures without classes" $?
exit $bad
