//! Build tools' failures.

use super::Row;
use super::course::Course::{Build, Source};

pub(crate) const ROWS: &[Row] = &[
    // pip, poetry, uv, pipenv, conda
    (
        "build-dependency",
        Build,
        &[
            "ERROR: Could not find a version that satisfies the requirement foo==9.9 (from versions: 1.0, 1.1)",
            "ERROR: No matching distribution found for foo==9.9",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "  error: command '/usr/bin/gcc' failed with exit code 1",
            "  ERROR: Failed building wheel for uwsgi",
        ],
    ),
    ("build-dependency", Build, &["Error: pg_config executable not found."]),
    (
        "build-dependency",
        Build,
        &["Because web depends on foo (^3.0) which doesn't match any versions, version solving failed."],
    ),
    (
        "build-dependency",
        Build,
        &[
            "  × No solution found when resolving dependencies:",
            "  ╰─▶ Because there is no version of foo==99 and you require foo==99, we can conclude that your requirements are unsatisfiable.",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "ERROR: Cannot install -r requirements.txt (line 3) and urllib3==2.2 because these package versions have conflicting dependencies.",
            "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "psycopg/pgmodule.c:4:10: fatal error: Python.h: No such file or directory",
            "compilation terminated.",
        ],
    ),
    (
        "build-dependency",
        Build,
        &["ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."],
    ),
    (
        "build-dependency",
        Build,
        &[
            "ERROR: Could not build wheels for grpcio, which is required to install pyproject.toml-based projects",
        ],
    ),
    // npm, yarn, pnpm, bun
    (
        "build-dependency",
        Build,
        &[
            "npm ERR! code ERESOLVE",
            "npm ERR! ERESOLVE unable to resolve dependency tree",
            "npm ERR! Fix the upstream dependency conflict, or retry",
        ],
    ),
    (
        "build-dependency",
        Build,
        &["npm error code ETARGET", "npm error notarget No matching version found for left-pad@99.0.0."],
    ),
    (
        "build-dependency",
        Build,
        &[
            "npm error code E404",
            "npm error 404 Not Found - GET https://registry.example.org/@acme%2futil - Not found",
        ],
    ),
    ("build-dependency", Build, &["error Couldn't find package \"@acme/ui\" on the \"npm\" registry."]),
    (
        "build-dependency",
        Build,
        &[
            " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up to date with package.json",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync.",
        ],
    ),
    (
        "build-dependency",
        Build,
        &["npm ERR! gyp ERR! build error", "npm ERR! gyp ERR! stack Error: `make` failed with exit code: 2"],
    ),
    (
        "build-dependency",
        Build,
        &[
            "npm ERR! code E401",
            "npm ERR! Unable to authenticate, your authentication token seems to be invalid.",
        ],
    ),
    // jvm
    (
        "build-dependency",
        Build,
        &[
            "[ERROR] Failed to execute goal on project web: Could not resolve dependencies for project com.acme:web:jar:1.0: Could not find artifact com.acme:core:jar:2.1 in central",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "> Could not resolve all files for configuration ':compileClasspath'.",
            "   > Could not find com.acme:core:2.1.",
        ],
    ),
    // ruby, php, .net, go, rust, elixir
    (
        "build-dependency",
        Build,
        &[
            "Gem::Ext::BuildError: ERROR: Failed to build gem native extension.",
            "mkmf.rb can't find header files for ruby",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "Could not find gem 'acme (~> 3.0)' in rubygems repository https://rubygems.org/ or installed locally.",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "Your requirements could not be resolved to an installable set of packages.",
            "  Problem 1 - Root composer.json requires acme/core ^9.0, it could not be found in any version",
        ],
    ),
    (
        "build-dependency",
        Build,
        &["/app/web.csproj : error NU1102: Unable to find package Acme.Core with version (>= 9.0.0)"],
    ),
    (
        "build-dependency",
        Build,
        &[
            "go: github.com/acme/core@v1.9.9: reading github.com/acme/core/go.mod at revision v1.9.9: unknown revision v1.9.9",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "main.go:5:2: no required module provides package github.com/acme/core; to add it: go get github.com/acme/core",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "error: failed to select a version for the requirement `acme = \"^9\"`",
            "candidate versions found which didn't match: 0.4.1",
        ],
    ),
    ("build-dependency", Build, &["E: Unable to locate package libvips-dev2"]),
    // network
    (
        "build-network",
        Build,
        &[
            "npm ERR! code ECONNRESET",
            "npm ERR! network aborted",
            "npm ERR! network This is a problem related to network connectivity.",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "npm error code ETIMEDOUT",
            "npm error errno ETIMEDOUT",
            "npm error network request to https://registry.example.org/react failed, reason: connect ETIMEDOUT 104.16.1.34:443",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='files.pythonhosted.org', port=443): Read timed out.",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "error An unexpected error occurred: \"https://registry.yarnpkg.com/lodash/-/lodash-4.17.21.tgz: ESOCKETTIMEDOUT\".",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "[ERROR] Failed to execute goal on project web: Could not transfer artifact org.slf4j:slf4j-api:jar:2.0 from/to central: Connect timed out",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "Could not fetch specs from https://rubygems.org/ due to underlying error <Net::OpenTimeout: Failed to open TCP connection to rubygems.org:443 (execution expired)>",
        ],
    ),
    (
        "build-network",
        Build,
        &[
            "curl error 28 while downloading https://repo.packagist.org/packages.json: Operation timed out after 10000 milliseconds",
        ],
    ),
    (
        "build-network",
        Build,
        &["error NU1301: Unable to load the service index for source https://api.nuget.org/v3/index.json."],
    ),
    (
        "build-network",
        Build,
        &[
            "go: github.com/acme/core@v1.2.3: Get \"https://proxy.golang.org/github.com/acme/core\": dial tcp 142.250.1.1:443: i/o timeout",
        ],
    ),
    (
        "build-network",
        Build,
        &["npm ERR! code E503", "npm ERR! 503 Service Unavailable - GET https://registry.example.org/react"],
    ),
    ("build-network", Build, &["  Could not resolve host: github.com"]),
    (
        "build-network",
        Build,
        &[
            "error: failed to download from `https://static.example.org/crates/serde`",
            "  [28] Timeout was reached (Operation too slow)",
            "spurious network error (1 tries remaining)",
        ],
    ),
    // versions
    (
        "runtime-version-conflict",
        Build,
        &[
            "npm ERR! code EBADENGINE",
            "npm ERR! engine Unsupported engine",
            "npm ERR! notsup Required: {\"node\":\">=20\"}",
        ],
    ),
    (
        "runtime-version-conflict",
        Build,
        &[
            "error web@1.0.0: The engine \"node\" is incompatible with this module. Expected version \">=20\". Got \"16.20.2\"",
        ],
    ),
    (
        "runtime-version-conflict",
        Build,
        &["ERROR: Package 'web' requires a different Python: 3.8.16 not in '>=3.10'"],
    ),
    ("runtime-version-conflict", Build, &["Your Ruby version is 3.1.4, but your Gemfile specified 3.3.0"]),
    (
        "runtime-version-conflict",
        Build,
        &[
            "The current project's Python requirement (3.8) is not compatible: The currently activated Python version 3.8.16 is not supported by the project (^3.11).",
        ],
    ),
    (
        "runtime-version-conflict",
        Build,
        &[
            "[ERROR] Failed to execute goal maven-compiler-plugin:compile: Fatal error compiling: error: invalid target release: 21",
        ],
    ),
    (
        "runtime-version-conflict",
        Build,
        &[
            "/usr/share/dotnet/sdk/6.0/Microsoft.NET.targets(144,5): error NETSDK1045: The current .NET SDK does not support targeting .NET 8.0.",
        ],
    ),
    (
        "runtime-version-conflict",
        Build,
        &["go: errors parsing go.mod: go.mod requires go >= 1.22 (running go 1.18)"],
    ),
    (
        "runtime-version-conflict",
        Build,
        &["    if (a ??= b) {", "          ^^^", "SyntaxError: Unexpected token '??='"],
    ),
    (
        "runtime-version-conflict",
        Build,
        &["You are using Node.js 16.20.2. For Next.js, Node.js version >= v18.17.0 is required."],
    ),
    (
        "runtime-version-conflict|build-dependency",
        Build,
        &[
            "- acme/core 3.0 requires php >=8.2 -> your php version (8.1.27) does not satisfy that requirement.",
        ],
    ),
    // commands
    ("build-command", Build, &["npm ERR! Missing script: \"build\""]),
    (
        "build-command",
        Build,
        &["sh: tsc: not found", "The command '/bin/sh -c npm run build' returned a non-zero code: 127"],
    ),
    ("build-command", Build, &["/bin/sh: 1: pip: not found"]),
    (
        "build-command",
        Build,
        &[
            "src/index.ts(4,10): error TS2305: Module '\"express\"' has no exported member 'foo'.",
            "npm ERR! code ELIFECYCLE",
        ],
    ),
    ("build-command", Build, &[]),
    (
        "build-command",
        Build,
        &["npm ERR! enoent ENOENT: no such file or directory, open '/app/package.json'"],
    ),
    (
        "build-command",
        Build,
        &["[ERROR] COMPILATION ERROR :", "[ERROR] /app/src/Main.java:[3,8] cannot find symbol"],
    ),
    (
        "build-command",
        Build,
        &["./main.go:12:3: undefined: foo", "The command '/bin/sh -c go build' returned a non-zero code: 2"],
    ),
    ("build-command", Build, &["/bin/sh: line 0: cd: frontend: No such file or directory"]),
    (
        "build-command",
        Build,
        &["ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'"],
    ),
    (
        "build-command",
        Build,
        &["django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty."],
    ),
    // memory and disk
    (
        "out-of-memory",
        Build,
        &[
            "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory",
        ],
    ),
    (
        "out-of-memory",
        Build,
        &["Killed", "The command '/bin/sh -c npm run build' returned a non-zero code: 137"],
    ),
    ("out-of-memory", Build, &["g++: fatal error: Killed signal terminated program cc1plus"]),
    ("disk-full", Build, &["npm ERR! ENOSPC: no space left on device, write"]),
    (
        "disk-full",
        Build,
        &["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
    ),
    // source
    (
        "source-not-found",
        Source,
        &["Failed to pull your application source code. Reason: Branch 'main' not found."],
    ),
    ("source-not-found", Source, &["Failed to pull your application source code."]),
    (
        "connection-pending",
        Source,
        &[
            "Failed to pull your application source code. Reason: the connection is in PENDING_HANDSHAKE status.",
        ],
    ),
];
