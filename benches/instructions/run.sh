#!/usr/bin/env bash
# Counts the instructions of kernels with callgrind, and prints new ÷ kept. Unlike times they don't depend on what else the
# machine does. AVX2 and plain forms only: valgrind knows no AVX-512.
#
#   benches/instructions/run.sh [--keep]
#
#   --keep   writes the counts to counts.txt: for the commit that changes them
#
# It takes cargo and valgrind. Counts are those of an optimized build by the toolchain of rust-toolchain.toml.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kept=$here/counts.txt

cargo build --quiet --manifest-path "$here/../../Cargo.toml" -p channel-kernels --example one_kernel
program=${CARGO_TARGET_DIR:-$here/../../target}/debug/examples/one_kernel

# Instructions of a case by a set, KERNEL SET.
count() {
    PIXELWISE_INSTRUCTIONS=$2 RAYON_NUM_THREADS=1 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$program" "$1" 2>&1 | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

counts=""
for set in avx2 plain; do
    nothing=$(count nothing "$set")
    for case in $("$program" | grep -v '^nothing$'); do
        counts+="$case $set $(($(count "$case" "$set") - nothing))"$'\n'
    done
done

if [[ ${1:-} == --keep ]]; then
    printf '%s' "$counts" >"$kept"
fi
printf '%-18s %-6s %14s %8s\n' case set instructions "÷ kept"
while read -r case set new; do
    old=$(awk -v c="$case" -v s="$set" '$1 == c && $2 == s { print $3 }' "$kept" 2>/dev/null)
    ratio=$(awk -v n="$new" -v o="${old:-0}" 'BEGIN { if (o > 0) printf "%.3f", n / o; else print "–" }')
    printf '%-18s %-6s %14d %8s\n' "$case" "$set" "$new" "$ratio"
done <<<"${counts%$'\n'}"
