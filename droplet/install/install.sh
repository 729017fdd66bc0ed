#!/bin/bash
# Brings the stack onto this droplet. First the checks, which change nothing and are all made before anybody is told; then
# the steps, one file each, in the order of their names. Each step may be run again and then changes only what is not as it
# should be: an installation that was cut off is simply started anew, and an upgrade is the same command.
#
# How far it is stands in /var/lib/litellm/install/state as one line, such as `running 80-stack`, `failed 50-images`,
# `done`. `install.sh --check` makes only the checks.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=droplet/install/report.sh
. "$here/report.sh"

checks=${CHECKS:-$here/checks}
steps=${STEPS:-$here/steps}

failed=''
for check in "$checks"/*; do
  "$check" || failed+=" ${check##*/}"
done
[[ -z $failed ]] || fail "Nothing was changed, because these checks failed:$failed." "Correct what they say above and run it again."
[[ ${1-} != --check ]] || exit 0

progress=$LITELLM_STATE/install
install -d -m 0755 "$LITELLM_STATE" "$progress"
# One at a time: a second one would make secrets beside the first.
exec 9>"$progress/lock"
flock --nonblock 9 || fail "Another installation is running." "Wait for it: cat $progress/state"
record() { printf '%s\n' "$1" | write_file "$progress/state" 0644; }

for step in "$steps"/*; do
  name=${step##*/}
  record "running $name"
  say "== $name"
  if ! "$step" 9>&-; then
    record "failed $name"
    fail "$name did not end well; what it said is above." "Correct it and run install.sh again: it goes on from there."
  fi
done
touch "$progress/done"
record 'done'
say "The stack is up. Next: lcp provision fetches its settings, or run install/print-settings."
