#!/usr/bin/env bash
# The README's tour with real files: `own_media.sh PROGRAM README` takes each photo and video of
# the directory PINHOLE_TEST_MEDIA through it (files whose type the server must refuse, or that are
# damaged on purpose, are left out). Without that variable there is nothing to do: exit 77.
set -euo pipefail

directory=${PINHOLE_TEST_MEDIA-}
[[ -d $directory ]] || {
    echo "PINHOLE_TEST_MEDIA names no directory: skipped"
    exit 77
}
directory=$(readlink -f -- "$directory")
shopt -s nullglob nocaseglob
photos=("$directory"/*.{jpg,jpeg,png,gif,webp,heic,avif})
videos=("$directory"/*.{mp4,mov,webm})
((${#photos[@]} > 0 && ${#videos[@]} > 0)) || {
    echo "PINHOLE_TEST_MEDIA holds no photo or no video" >&2
    exit 1
}

taken=0
for photo in "${photos[@]}"; do
    [[ $photo != *corrupt* ]] || continue
    video=${videos[taken % ${#videos[@]}]}
    printf '%s and %s: ' "${photo##*/}" "${video##*/}"
    PHOTO=$photo VIDEO=$video "$(dirname -- "${BASH_SOURCE[0]}")/tour.sh" "$1" "$2"
    taken=$((taken + 1))
done
((taken > 0))
