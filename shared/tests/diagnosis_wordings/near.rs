//! Near misses: what looks like a cause and is none, or another one.

use super::Row;
use super::course::Course::{Build, Exit, Http, Running, Success, Tcp, Vpc};

pub(crate) const ROWS: &[Row] = &[
    ("unknown", Tcp(8080), &[]),
    ("unknown", Tcp(8080), &["hello"]),
    ("unknown", Tcp(8080), &["Server listening on 0.0.0.0:8080"]),
    (
        "unknown",
        Tcp(3000),
        &["  - Local:   http://localhost:3000", "  - Network: http://0.0.0.0:3000", "Ready in 200ms"],
    ),
    (
        "unknown",
        Tcp(8080),
        &["Debugger listening on ws://127.0.0.1:9229/abc", "Server listening on port 8080"],
    ),
    ("unknown", Tcp(8080), &["Prometheus metrics listening on :9090", "API listening on :8080"]),
    (
        "unknown",
        Http("/health"),
        &["listening on 0.0.0.0:8080", "GET /favicon.ico 404 1 ms", "GET /wp-login.php 404 1 ms"],
    ),
    ("unknown", Tcp(8080), &["Server listening on 0.0.0.0:8080", "GET / 404 1 ms"]),
    ("unknown", Tcp(8080), &["Server listening on 0.0.0.0:8080", "received SIGTERM, shutting down"]),
    (
        "unknown",
        Tcp(8080),
        &["(node:1) DeprecationWarning: Buffer() is deprecated", "npm WARN EBADENGINE Unsupported engine"],
    ),
    (
        "health-check-port",
        Tcp(8080),
        &[
            "WARN redis unavailable: connect ECONNREFUSED 10.0.1.3:6379, continuing without cache",
            "Server listening on port 3000",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &["Server listening on 0.0.0.0:8080", "Error: connect ECONNREFUSED 10.0.1.3:6379", "Node.js v20.0.0"],
    ),
    (
        "secret-access-denied",
        Exit(1),
        &[
            "AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue",
            "KeyError: 'DB_PASSWORD'",
        ],
    ),
    (
        "app-env-missing|downstream-unreachable",
        Exit(1),
        &["DATABASE_URL is not set, using localhost", "Error: connect ECONNREFUSED 127.0.0.1:5432"],
    ),
    (
        "healthy",
        Success,
        &["Traceback (most recent call last):", "KeyError: 'x'", "listening on 127.0.0.1:3000"],
    ),
    ("healthy", Success, &["npm ERR! code ERESOLVE", "Error: connect ETIMEDOUT 10.0.0.1:5432"]),
    (
        "healthy",
        Running,
        &["GET / 200 1 ms", "GET /x 500 3 ms", "Error: connect ETIMEDOUT 52.1.1.1:443", "GET / 200 1 ms"],
    ),
    ("healthy", Running, &["listening on 0.0.0.0:8080", "GET /wp-admin 404 1 ms", "received SIGTERM"]),
    (
        "vpc-no-egress",
        Vpc("none"),
        &["Error: connect ETIMEDOUT 10.0.2.15:5432", "Error: connect ETIMEDOUT 52.1.1.1:443"],
    ),
    ("app-crash", Exit(1), &["INFO connected to database", "ValueError: bad input"]),
    ("app-crash", Exit(1), &["pandas: KeyError: 'order_id'", "Traceback (most recent call last):"]),
    ("unknown|app-crash", Exit(1), &[]),
    ("unknown", Exit(143), &["listening on :8080", "SIGTERM received"]),
    (
        "health-check-bind-address",
        Tcp(3000),
        &["Connected to mongodb://10.0.0.4:27017", "Server running at http://127.0.0.1:3000/"],
    ),
    (
        "unknown",
        Tcp(8080),
        &[
            "OTLP exporter: connect ECONNREFUSED 127.0.0.1:4318",
            "server listening on 0.0.0.0:8080",
            "connect ECONNREFUSED 127.0.0.1:4318",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &["Error: JWT_SECRET missing", "    at Object.<anonymous> (/app/env.js:3:9)"],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "Failed to configure a DataSource: 'url' attribute is not specified and no embedded datasource could be configured.",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "pydantic.error_wrappers.ValidationError: 2 validation errors for DatabaseSettings",
            "host",
            "  field required (type=value_error.missing)",
        ],
    ),
    (
        "app-crash",
        Exit(1),
        &[
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Item",
            "price",
            "  Input should be a valid number",
        ],
    ),
    (
        "start-command",
        Exit(1),
        &[
            "npm error code ENOENT",
            "npm error path /app/package.json",
            "npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '/app/package.json'",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "[AdminClient clientId=x] Connection to node -1 (b-1.shop.kafka.eu-west-1.amazonaws.com/10.0.3.5:9092) could not be established. Broker may not be available.",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &["asyncpg/connect_utils.py\", line 931, in __connect_addr", "TimeoutError"],
    ),
    (
        "app-crash",
        Exit(1),
        &["A server is already running (pid: 1, file: /app/tmp/pids/server.pid).", "Exiting"],
    ),
    ("app-crash", Exit(1), &["Error: Could not find a production build in the '.next' directory."]),
    ("health-check-port", Tcp(8080), &["│ To access the server ⚡️, go to: http://0.0.0.0:1337/admin │"]),
    ("health-check-port", Tcp(8080), &["2024/05/01 10:00:00 Starting server at port 8000"]),
    (
        "app-module-missing",
        Exit(1),
        &[
            "PrismaClientInitializationError: Unable to require(`libquery_engine.node`)",
            "Error loading shared library libssl.so.1.1: No such file or directory",
        ],
    ),
    ("app-crash", Exit(1), &["alembic.util.exc.CommandError: Can't locate revision identified by 'a1b2c3'"]),
    (
        "health-check-port",
        Tcp(8080),
        &["  Network URL: http://169.254.172.2:8501", "  External URL: http://3.1.2.3:8501"],
    ),
    (
        "unknown",
        Tcp(8501),
        &["  Network URL: http://169.254.172.2:8501", "  External URL: http://3.1.2.3:8501"],
    ),
    (
        "app-crash",
        Exit(1),
        &["APPLICATION FAILED TO START", "Web server failed to start. Port 8080 was already in use."],
    ),
    (
        "downstream-unreachable|app-crash",
        Exit(1),
        &["nginx: [emerg] host not found in upstream \"api\" in /etc/nginx/conf.d/default.conf:4"],
    ),
    ("healthy", Running, &["keep-alive timer set", "cache ttl is 120 seconds", "GET / 200 1 ms"]),
    ("request-timeout", Running, &["client disconnected after 120.0s while waiting for /report"]),
    ("healthy", Running, &["GET / 200 1 ms", "upstream api: request timed out after 10s", "GET / 200 1 ms"]),
    (
        "healthy",
        Running,
        &["GET / 200 1 ms", "stripe returned 429 Too Many Requests, retrying", "GET / 200 1 ms"],
    ),
    // notes on the way to a crash, and crashes that only look specific
    (
        "app-crash",
        Exit(1),
        &[
            "INFO SENTRY_DSN is not set, error reporting disabled",
            "TypeError: boom is not a function",
            "    at Object.<anonymous> (/app/index.js:1:1)",
        ],
    ),
    (
        "app-crash",
        Exit(255),
        &["PHP Parse error:  syntax error, unexpected token \"}\" in /app/index.php on line 12"],
    ),
    (
        "app-crash",
        Exit(1),
        &["  File \"/app/main.py\", line 3", "    def f(", "SyntaxError: '(' was never closed"],
    ),
    (
        "app-crash",
        Exit(1),
        &[
            "/app/index.js:9",
            "SyntaxError: Unexpected token '}'",
            "    at wrapSafe (node:internal/modules/cjs/loader:1378:20)",
        ],
    ),
    (
        "runtime-version-conflict",
        Exit(1),
        &["    match command:", "          ^^^^^^^", "SyntaxError: invalid syntax"],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "{\"level\":\"error\",\"exc_info\":\"Traceback (most recent call last):\\n  File \\\"/app/m.py\\\", line 3\\n    os.environ['TOKEN_KEY']\\nKeyError: 'TOKEN_KEY'\"}",
        ],
    ),
    (
        "app-module-missing",
        Exit(3),
        &[
            "[2024-05-01 10:00:00 +0000] [7] [ERROR] Exception in worker process",
            "Traceback (most recent call last):",
            "ModuleNotFoundError: No module named 'shop'",
            "[INFO] Worker exiting (pid: 7)",
            "[ERROR] Worker (pid:7) exited with code 3",
            "[ERROR] Shutting down: Master",
            "[ERROR] Reason: Worker failed to boot.",
        ],
    ),
    (
        "app-crash",
        Exit(1),
        &[
            "listening on 0.0.0.0:8080",
            "UnhandledPromiseRejection: This error originated either by throwing inside of an async function without a catch block",
            "Error: boom",
        ],
    ),
    ("app-crash", Exit(1), &["django.db.utils.ProgrammingError: relation \"shop_item\" does not exist"]),
    ("build-command", Build, &["Error: connect ECONNREFUSED 127.0.0.1:5432", "> Build error occurred"]),
    ("build-command", Build, &["added 137 packages in 5s", "npm ERR! Missing script: \"build\""]),
    (
        "build-command",
        Build,
        &[
            "npm WARN deprecated foo@1.0",
            "npm WARN ERESOLVE overriding peer dependency",
            "src/a.ts(1,1): error TS2322: Type 'x'",
            "The command '/bin/sh -c npm run build' returned a non-zero code: 2",
        ],
    ),
    (
        "build-command",
        Build,
        &[
            "SyntaxError: /app/src/App.js: Unexpected token (12:3)",
            "  at transform (/app/node_modules/@babel/core/lib/index.js)",
            "The command '/bin/sh -c npm run build' returned a non-zero code: 1",
        ],
    ),
    (
        "build-dependency",
        Build,
        &[
            "WARNING: Running pip as the 'root' user can result in broken permissions",
            "WARNING: The candidate selected for download or install is a yanked version: foo",
            "ERROR: No matching distribution found for bar==2.0",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "java.net.ConnectException: Connection timed out",
            "Exception in thread \"main\" java.lang.RuntimeException: startup failed",
        ],
    ),
    (
        "health-check-path|downstream-unreachable",
        Http("/health"),
        &["listening on 0.0.0.0:8080", "GET /health 503 5001 ms", "Error: connect ETIMEDOUT 10.0.1.3:5432"],
    ),
    ("unknown", Http("/health"), &["listening on 0.0.0.0:8080", "GET /health 200 1 ms"]),
    (
        "health-check-slow-start",
        Tcp(8080),
        &[
            "2024-05-01T10:00:00Z booting",
            "2024-05-01T10:04:50Z cache built",
            "2024-05-01T10:07:01Z listening on 0.0.0.0:8080",
        ],
    ),
    (
        "unknown",
        Tcp(8080),
        &["2024-05-01T10:00:00Z booting", "2024-05-01T10:00:03Z listening on 0.0.0.0:8080"],
    ),
    ("out-of-memory", Exit(137), &["Booting worker with pid: 7", "Booting worker with pid: 9"]),
    ("unknown", Exit(137), &["listening on :8080", "received SIGTERM, shutting down gracefully"]),
    ("healthy", Running, &["[2024-05-01 10:00:00] INFO GET /api 200", "npm notice New version available"]),
    (
        "out-of-memory",
        Running,
        &[
            "GET / 200 1 ms",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        ],
    ),
    (
        "instance-role-permission",
        Running,
        &[
            "GET / 200 1 ms",
            "AccessDeniedException: User: arn:aws:sts::1:assumed-role/web/x is not authorized to perform: s3:PutObject on resource: x",
            "GET / 200 1 ms",
        ],
    ),
    ("start-command", Exit(1), &["sh: 1: cd: can't cd to /src", "npm ERR! code 2"]),
    (
        "app-crash",
        Exit(1),
        &[
            "Error: ENOENT: no such file or directory, open '/app/config.json'",
            "    at Object.openSync (node:fs:603:3)",
        ],
    ),
    (
        "downstream-credentials",
        Exit(1),
        &["Error: P1003: Database `shop` does not exist on the database server at `10.0.1.2:5432`"],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &["could not translate host name \"db\" to address: Name or service not known"],
    ),
    (
        "health-check-port",
        Tcp(8080),
        &[
            "Ollama is running",
            "time=2024-05-01T10:00:00Z level=INFO msg=\"Listening on [::]:11434 (version 0.1)\"",
        ],
    ),
    (
        "health-check-port",
        Tcp(8080),
        &["Application 'web' is running! Access URLs: Local: http://localhost:8081"],
    ),
    ("health-check-bind-address", Tcp(7860), &["Running on local URL:  http://127.0.0.1:7860"]),
    ("unknown", Tcp(8080), &["Connected to postgres at 10.0.0.4:5432", "Redis ready on 10.0.0.5:6379"]),
];
