"""Write plans as shell scripts, for users who move files without this package.

A script has no catalog, so before each move it checks what `imgurer review apply` checks: that both
files have the bytes of the plan.
"""

import shlex
from collections.abc import Iterable
from pathlib import Path

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.paths import given_path
from imgurer_kernel.errors import PlanInvalid
from imgurer_kernel.review.acts import Act
from imgurer_kernel.review.companions import companions_of
from imgurer_kernel.review.plan import SCRIPT_MARK, require_replaceable

# POSIX shell, and -ef, which all shells have; without `local`, `mv -n`, and `--` for cmp (all paths
# are absolute).
_FUNCTIONS = rb"""#
# Before each move both files are read: an identical copy must have the bytes of the file that
# stays (cmp), another one and the file that stays must have the SHA-256 that they had when this
# was written. Nothing is replaced. What does not fit stays and is named; the status is 1 then.
# Only files on disk are moved; `imgurer review apply` does the acts on files in the store.
#
# `imgurer review undo` does not know of these moves. To move all of it back, run this script
# with --back: sh THIS_SCRIPT --back
set -u
back=${1-}
failed=0
moved=0

case $back in
'' | --back) ;;
*)
    echo "no option but --back is known: $back" >&2
    exit 2
    ;;
esac

if command -v sha256sum >/dev/null 2>&1; then
    digest() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then
    digest() { shasum -a 256; }
elif command -v openssl >/dev/null 2>&1; then
    digest() { openssl dgst -sha256 -r; }
else
    digest() { echo "there is no sha256sum, shasum or openssl to compare files with" >&2; }
fi

is_there() { [ -e "$1" ] || [ -L "$1" ]; }

is_file() { [ -f "$1" ] && [ ! -L "$1" ]; }

# has FILE SHA256
has() { [ "$(digest <"$1" | cut -c 1-64)" = "$2" ]; }

# stays FILE WHY
stays() {
    printf 'stays: %s: %s\n' "$1" "$2" >&2
    failed=1
}

# move FROM TO
move() {
    if is_there "$2"; then
        stays "$1" "something is there already: $2"
    else
        mkdir -p -- "${2%/*}/" && mv -- "$1" "$2" && moved=$((moved + 1)) ||
            stays "$1" "it cannot be moved"
    fi
}

# remove_empty FOLDER, and those above it, if the trash is one of them
remove_empty() {
    folder=$1
    while :; do
        case $folder in
        */.imgurer-trash | */.imgurer-trash/*) rmdir -- "$folder" 2>/dev/null || return ;;
        *) return ;;
        esac
        folder=${folder%/*}
    done
}

# move_back FROM TO, where it was moved from FROM
move_back() {
    if is_there "$2"; then
        move "$2" "$1"
        remove_empty "${2%/*}"
    elif ! is_there "$1"; then
        stays "$2" "it is gone, and is not at $1 either"
    fi
}

# remove KEPT SHA256 FILE SHA256 TO
remove() {
    if [ -n "$back" ]; then
        move_back "$3" "$5"
    elif ! is_there "$3" && is_there "$5"; then
        : # moved by an earlier run
    elif ! is_file "$3"; then
        stays "$3" "it is no longer there as a file"
    elif ! is_file "$1"; then
        stays "$3" "the file that is kept is no longer there: $1"
    elif [ "$1" -ef "$3" ]; then
        stays "$3" "it is another name of the file that is kept: $1"
    elif [ "$2" = "$4" ]; then
        if cmp -s "$1" "$3"; then
            move "$3" "$5"
        else
            stays "$3" "it no longer has the bytes of the file that is kept: $1"
        fi
    elif ! has "$1" "$2"; then
        stays "$3" "the file that is kept was changed since the plan: $1"
    elif ! has "$3" "$4"; then
        stays "$3" "it was changed since the plan"
    else
        move "$3" "$5"
    fi
}

# along SIDECAR SHA256 TO FILE MOVED_TO [FILE MOVED_TO ...]
along() {
    sidecar=$1
    sha256=$2
    to=$3
    shift 3
    while [ $# -gt 0 ]; do
        if [ -n "$back" ]; then
            # With the first of its files that came back.
            is_there "$2" || {
                move_back "$sidecar" "$to"
                return
            }
        elif is_there "$1" || ! is_there "$2"; then
            return # one of its files stays, so the sidecar stays too
        fi
        shift 2
    done
    if [ -n "$back" ] || { ! is_there "$sidecar" && is_there "$to"; }; then
        : # none of its files came back, or it was moved by an earlier run
    elif is_file "$sidecar" && has "$sidecar" "$sha256"; then
        move "$sidecar" "$to"
    else
        stays "$sidecar" "it was changed since the plan"
    fi
}

"""


_END = rb"""
case $back in
'') printf 'files moved: %s; to move them back: sh %s --back\n' "$moved" "$0" ;;
*) printf 'files moved back: %s\n' "$moved" ;;
esac
exit $failed
"""


def write_script(acts: Iterable[Act], path: Path | str) -> Path:
    """Write `script` to a file; only an older script is replaced.

    Raises
    ------
    PlanInvalid
        If another kind of file is there, or the path is invalid.
    StorageDenied, StorageFull
        If it cannot be written.
    """
    path = given_path(path, "the script", PlanInvalid)
    require_replaceable(path)
    with atomic_write(path) as file:
        file.write(script(acts))
    return path


def script(acts: Iterable[Act]) -> bytes:
    """Make a shell script that moves the files on disk of a plan; files in the store are skipped.

    It is bytes since file names may be any bytes. The script compares the file and its keeper
    before each move, never replaces a file, exits with 1 if a file was not moved, and moves
    all files back when run with ``--back``.

    Examples
    --------
    >>> script([]).splitlines()[0]
    b'#!/bin/sh'
    """
    moved = moved_by_script(acts)
    lines = [SCRIPT_MARK + _FUNCTIONS]
    for act in moved:
        assert act.keeper.path_key is not None  # noqa: S101 (true of the chosen acts)
        lines.append(
            _line(b"remove", act.keeper.path_key, act.keeper.digest.encode(),
                  act.source, act.file.digest.encode(), _target(act))
        )  # fmt: skip
    for each in companions_of(moved):
        files = [(moved[place].source, _target(moved[place])) for place in each.places]
        words = [word for pair in files for word in pair]
        lines.append(_line(b"along", each.source, each.digest.encode(), each.target, *words))
    lines.append(_END)
    return b"".join(lines)


def moved_by_script(acts: Iterable[Act]) -> list[Act]:
    """Choose the acts that `script` does: moves of files whose keeper is on disk, too."""
    return [act for act in acts if act.name in {"trash", "move"} and act.keeper.path_key]


def _target(act: Act) -> bytes:
    assert act.target is not None  # noqa: S101 (true of every moved file)
    return act.target


def _line(function: bytes, *words: bytes) -> bytes:
    return b" ".join((function, *map(_quoted, words))) + b"\n"


def _quoted(word: bytes) -> bytes:
    return shlex.quote(word.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
