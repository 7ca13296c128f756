# Fetching Debian packages without installing them. Sourced by POSIX sh scripts.
#
# Nothing here changes the machine: packages are downloaded with apt's own verification and unpacked
# with dpkg -x into a cache. Where the machine's package lists do not know a package, or are out of
# date, the lists are refreshed in a private state folder below the cache, so no root is needed.
#
# Interface: apt_open CACHE [SUITE], then apt_candidate, apt_depends, apt_unpack. With SUITE (for
# example bookworm-backports) the packages come from that suite of the machine's own Debian mirror.
# Functions return non-zero when the package or the suite cannot be had.

apt_state=
apt_options=

# The address of the Debian mirror that this machine is configured to use.
apt_mirror() {
    apt-get $apt_options indextargets --format '$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)' \
        'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $4; exit }'
}

# Uses folders of our own for the package lists from here on; $1: an extra apt source file or empty.
apt_private() {
    mkdir -p "$apt_state/lists/partial" "$apt_state/archives/partial"
    apt_options="-o Dir::State=$apt_state -o Dir::State::Lists=$apt_state/lists -o Dir::Cache=$apt_state"
    apt_options="$apt_options -o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User=root"
    [ -z "$1" ] || apt_options="$apt_options -o Dir::Etc::sourcelist=$1 -o Dir::Etc::sourceparts=-"
    apt-get $apt_options -qq update
}

# Opens the cache folder $1 for fetching; $2, if given, is the suite to fetch from.
apt_open() {
    apt_cache_dir=$1
    apt_suite=${2:-}
    apt_state=$apt_cache_dir/apt/${apt_suite:-configured}
    apt_options="-o APT::Sandbox::User=root"
    [ -n "$apt_suite" ] || return 0
    mkdir -p "$apt_state"
    mirror=$(apt_mirror)
    if [ -z "$mirror" ]; then
        apt_private "" && mirror=$(apt_mirror)
        [ -n "$mirror" ] || return 1
    fi
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $apt_suite main" \
        >"$apt_state/suite.list"
    apt_private "$apt_state/suite.list" 2>/dev/null
}

# Prints the version of package $1 that would be fetched.
apt_candidate() {
    version=$(apt_policy "$1")
    if [ -z "$version" ] && [ -z "$apt_suite" ] && [ "${apt_options#*Dir::State}" = "$apt_options" ]; then
        apt_private "" >&2 || return 1
        version=$(apt_policy "$1")
    fi
    [ -n "$version" ] && echo "$version"
}

apt_policy() {
    apt-cache $apt_options policy "$1" 2>/dev/null |
        awk '$1 == "Candidate:" && $2 != "(none)" { print $2; exit }'
}

# Prints the name of the first dependency of package $1 that begins with $2.
apt_depends() {
    apt-cache $apt_options show --no-all-versions "$1" |
        awk -v want="$2" '/^Depends:/ {
            sub(/^Depends: */, ""); n = split($0, all, / *[,|] */)
            for (i = 1; i <= n; i++) { split(all[i], name, " "); if (index(name[1], want) == 1) { print name[1]; exit } } }'
}

# Downloads package $1 and unpacks it over folder $2. Refreshes stale lists once.
apt_unpack() {
    downloads=$(mktemp -d "$apt_cache_dir/download.XXXXXX") || return 1
    (cd "$downloads" && apt-get $apt_options -qq download "$1" >&2) || {
        apt_private "${apt_suite:+$apt_state/suite.list}" >&2 &&
            (cd "$downloads" && apt-get $apt_options -qq download "$1" >&2)
    } || { rm -rf "$downloads"; return 1; }
    mkdir -p "$2" && dpkg -x "$downloads"/*.deb "$2"
    result=$?
    rm -rf "$downloads"
    return $result
}

# Unpacks packages $3... over folder $2, with the cache folder $1: from the configured suite, or from Debian 12 if that has
# no package $3. $apt_wanted is the package that it was about last.
apt_unpack_all() {
    apt_target=$2
    apt_wanted=$3
    apt_open "$1"
    if ! apt_candidate "$3" >/dev/null; then
        apt_open "$1" bookworm && apt_candidate "$3" >/dev/null || return 1
    fi
    shift 2
    for apt_wanted in "$@"; do
        apt_unpack "$apt_wanted" "$apt_target" || return 1
    done
}
