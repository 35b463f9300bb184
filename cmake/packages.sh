# Functions for test/run and apps/demo (bash): installing Debian packages, running commands quietly.

# install_packages LIST: installs the missing packages of the list. Removes none; prints nothing if none is missing.
install_packages() {
    local package command missing=()
    while read -r package command; do
        case $package in '' | '#'*) continue ;; esac
        command=${command#[} command=${command%]}
        if [ -n "$command" ] && PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null; then continue; fi
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
    done <"$1"
    [ ${#missing[@]} -eq 0 ] && return 0

    refuse_conflicts "${missing[@]}"
    echo "installing ${missing[*]}"
    as_root apt-get update -qq
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-remove --no-install-recommends "${missing[@]}" \
        >/tmp/tapio-apt.$$ 2>&1 </dev/null; then
        cat /tmp/tapio-apt.$$ >&2
        rm -f /tmp/tapio-apt.$$
        echo "could not install ${missing[*]}" >&2
        return 1
    fi
    rm -f /tmp/tapio-apt.$$
}

# Debian's Boost -dev packages of different versions conflict; the user must decide which to keep.
refuse_conflicts() {
    local package other
    for package in "$@"; do
        [[ $package =~ ^libboost.*1\.81-dev$ ]] || continue
        other=$(dpkg-query -W -f '${Package} ${Status}\n' 'libboost*-dev' 2>/dev/null |
            sed -n 's/ .* installed$//p' | grep -E '[0-9]\.[0-9]+-dev$' | grep -v '1\.81-dev$' | sort -u | tr '\n' ' ') || true
        [ -n "$other" ] || continue
        echo "tapio needs $package, and these packages stand in its way: $other" >&2
        echo "Nothing was removed. If nothing of yours needs them: apt-get remove $other" >&2
        exit 1
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        echo "this needs root: $*" >&2
        return 1
    fi
}

# quietly LOG COMMAND...: writes the output of COMMAND to LOG, and also to the terminal if it fails.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null && return
    local status=$?
    cat "$log" >&2
    return "$status"
}

# Filters the output of ctest: failed and skipped tests, and the summary.
shorten() {
    grep -vE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed|^ *Start +[0-9]+:|^\[[0-9]+/[0-9]+\]|^Test project|^Internal ctest|^$' || true
}
