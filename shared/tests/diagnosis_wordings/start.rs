//! Programs that do not start, or start where nobody reaches them.

use super::Row;
use super::course::Course::{Exit, Http, Tcp, Vpc};

pub(crate) const ROWS: &[Row] = &[
    // commands
    (
        "start-command",
        Exit(2),
        &["usage: uvicorn [OPTIONS] APP", "uvicorn: error: unrecognized arguments: && python seed.py"],
    ),
    ("start-command", Exit(127), &["/bin/sh: 1: gunicorn: not found"]),
    ("start-command", Exit(1), &["npm ERR! Missing script: \"start:prod\""]),
    ("start-command", Exit(126), &["/docker-entrypoint.sh: line 4: /app/run.sh: Permission denied"]),
    ("start-command", Exit(1), &["exec /app/entrypoint.sh: no such file or directory"]),
    (
        "start-command",
        Exit(2),
        &["python: can't open file '/app/main.py': [Errno 2] No such file or directory"],
    ),
    ("start-command", Exit(1), &["Error: Unable to access jarfile /app/app.jar"]),
    ("start-command", Exit(1), &["no main manifest attribute, in app.jar"]),
    ("start-command", Exit(1), &["ERROR:    Error loading ASGI app. Could not import module \"main\"."]),
    (
        "start-command",
        Exit(4),
        &["Failed to find attribute 'application' in 'wsgi'.", "[INFO] Worker exiting (pid: 7)"],
    ),
    ("start-command", Exit(9), &["node: bad option: --enviroment"]),
    ("start-command", Exit(1), &["error Command \"start\" not found."]),
    ("start-command", Exit(1), &[" ERR_PNPM_NO_SCRIPT_OR_SERVER  Missing script start or file server.js"]),
    ("start-command", Exit(1), &["Could not open input file: artisan"]),
    (
        "start-command",
        Exit(127),
        &[
            "OCI runtime create failed: runc create failed: unable to start container process: exec: \"./server\": stat ./server: no such file or directory: unknown",
        ],
    ),
    ("start-command", Exit(1), &["Error: No such option: --prot"]),
    (
        "start-command",
        Exit(1),
        &[
            "The command could not be loaded, possibly because:",
            "  * You intended to execute a .NET application:",
            "      The application 'Web.dll' does not exist.",
        ],
    ),
    ("start-command", Exit(1), &["This account is currently not available."]),
    ("image-architecture", Exit(1), &["exec /usr/local/bin/python: exec format error"]),
    // modules
    (
        "app-module-missing",
        Exit(1),
        &[
            "Traceback (most recent call last):",
            "  File \"/app/main.py\", line 1, in <module>",
            "ModuleNotFoundError: No module named 'fastapi'",
        ],
    ),
    (
        "app-module-missing",
        Exit(1),
        &[
            "node:internal/modules/cjs/loader:1080",
            "  throw err;",
            "Error: Cannot find module 'express'",
            "  code: 'MODULE_NOT_FOUND',",
        ],
    ),
    (
        "app-module-missing",
        Exit(1),
        &["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'zod' imported from /app/dist/env.js"],
    ),
    (
        "app-module-missing",
        Exit(1),
        &["Exception in thread \"main\" java.lang.NoClassDefFoundError: org/slf4j/LoggerFactory"],
    ),
    (
        "app-module-missing",
        Exit(1),
        &[
            "<internal:/usr/local/lib/ruby/rubygems/core_ext/kernel_require.rb>:86:in `require': cannot load such file -- sinatra (LoadError)",
        ],
    ),
    (
        "app-module-missing",
        Exit(7),
        &[
            "bundler: failed to load command: puma (/usr/local/bundle/bin/puma)",
            "Could not find rack-3.0.8 in locally installed gems (Bundler::GemNotFound)",
        ],
    ),
    (
        "app-module-missing",
        Exit(255),
        &["PHP Fatal error:  Uncaught Error: Class \"GuzzleHttp\\Client\" not found in /app/index.php:7"],
    ),
    (
        "app-module-missing",
        Exit(255),
        &[
            "PHP Warning:  require(/app/vendor/autoload.php): Failed to open stream: No such file or directory in /app/artisan on line 18",
            "PHP Fatal error:  Uncaught Error: Failed opening required '/app/vendor/autoload.php'",
        ],
    ),
    (
        "app-module-missing",
        Exit(134),
        &[
            "Unhandled exception. System.IO.FileNotFoundException: Could not load file or assembly 'Npgsql, Version=8.0.0.0, Culture=neutral'. The system cannot find the file specified.",
        ],
    ),
    (
        "app-module-missing",
        Exit(127),
        &[
            "./server: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such file or directory",
        ],
    ),
    (
        "app-module-missing",
        Exit(1),
        &["ImportError: libGL.so.1: cannot open shared object file: No such file or directory"],
    ),
    (
        "app-module-missing",
        Exit(1),
        &[
            "ImportError: cannot import name 'url_quote' from 'werkzeug.urls' (/usr/local/lib/python3.11/site-packages/werkzeug/urls.py)",
        ],
    ),
    // variables
    (
        "app-env-missing",
        Exit(1),
        &[
            "Traceback (most recent call last):",
            "  File \"/app/main.py\", line 3, in <module>",
            "    db = os.environ['DATABASE_URL']",
            "  File \"<frozen os>\", line 679, in __getitem__",
            "KeyError: 'DATABASE_URL'",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings",
            "database_url",
            "  Field required [type=missing, input_value={}, input_type=dict]",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "❌ Invalid environment variables: { DATABASE_URL: [ 'Required' ] }",
            "Error: Invalid environment variables",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "================================",
            " Missing environment variables:",
            "    JWT_SECRET: undefined",
            "================================",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "MissingEnvVarsError: The following variables were defined in .env.example but are not present in the environment:",
            "  STRIPE_KEY",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "Caused by: java.lang.IllegalArgumentException: Could not resolve placeholder 'DB_URL' in value \"${DB_URL}\"",
        ],
    ),
    ("app-env-missing", Exit(1), &["2024/05/01 10:00:00 DATABASE_URL must be set"]),
    (
        "app-env-missing",
        Exit(2),
        &["panic: required environment variable REDIS_ADDR is not set", "", "goroutine 1 [running]:"],
    ),
    (
        "app-env-missing",
        Exit(1),
        &["/app/config/boot.rb:3:in `fetch': key not found: \"RAILS_MASTER_KEY\" (KeyError)"],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "ArgumentError: Missing `secret_key_base` for 'production' environment, set this string with `bin/rails credentials:edit`",
        ],
    ),
    ("app-env-missing", Exit(1), &["RuntimeException: No application encryption key has been specified."]),
    (
        "app-env-missing",
        Exit(134),
        &[
            "Unhandled exception. System.ArgumentNullException: Value cannot be null. (Parameter 'connectionString')",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &["error: Environment variable not found: DATABASE_URL.", "  -->  schema.prisma:10"],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "** (RuntimeError) environment variable SECRET_KEY_BASE is missing.",
            "You can generate one by calling: mix phx.gen.secret",
        ],
    ),
    (
        "app-env-missing",
        Exit(101),
        &["thread 'main' panicked at src/main.rs:12:40:", "DATABASE_URL must be set: NotPresent"],
    ),
    (
        "app-env-missing",
        Exit(1),
        &[
            "openai.OpenAIError: The api_key client option must be set either by passing api_key to the client or by setting the OPENAI_API_KEY environment variable",
        ],
    ),
    ("app-env-missing", Exit(1), &["Error: Config validation error: \"DB_HOST\" is required"]),
    (
        "app-env-missing",
        Exit(1),
        &[
            "decouple.UndefinedValueError: SECRET_KEY not found. Declare it as envvar or define a default value.",
        ],
    ),
    (
        "app-env-missing",
        Exit(1),
        &["django.core.exceptions.ImproperlyConfigured: Set the DJANGO_SECRET_KEY environment variable"],
    ),
    // crashes
    (
        "app-crash",
        Exit(1),
        &[
            "Traceback (most recent call last):",
            "  File \"/app/main.py\", line 9, in <module>",
            "    x = data['price']",
            "KeyError: 'price'",
        ],
    ),
    (
        "app-crash",
        Exit(1),
        &[
            "TypeError: Cannot read properties of undefined (reading 'listen')",
            "    at Object.<anonymous> (/app/index.js:3:9)",
            "Node.js v20.11.0",
        ],
    ),
    (
        "app-crash",
        Exit(2),
        &[
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation]",
            "goroutine 1 [running]:",
        ],
    ),
    (
        "app-crash",
        Exit(134),
        &[
            "Unhandled exception. System.InvalidOperationException: Unable to resolve service for type 'Web.IClock'",
        ],
    ),
    (
        "app-crash",
        Exit(1),
        &[
            "Exception in thread \"main\" java.lang.IllegalStateException: bad state",
            "\tat com.acme.Main.main(Main.java:5)",
        ],
    ),
    (
        "app-crash",
        Exit(255),
        &[
            "PHP Fatal error:  Uncaught TypeError: strlen(): Argument #1 ($string) must be of type string, null given",
        ],
    ),
    ("app-crash", Exit(1), &["Error: listen EADDRINUSE: address already in use :::8080"]),
    ("app-crash", Exit(1), &["Error: listen EACCES: permission denied 0.0.0.0:80"]),
    ("app-crash", Exit(1), &["nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)"]),
    (
        "app-crash",
        Exit(101),
        &[
            "thread 'main' panicked at src/main.rs:9:5:",
            "called `Option::unwrap()` on a `None` value",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        ],
    ),
    (
        "app-crash",
        Exit(1),
        &["/app/app.rb:3:in `<main>': undefined method `call' for nil:NilClass (NoMethodError)"],
    ),
    (
        "app-crash",
        Exit(1),
        &[
            "Error: P3009",
            "migrate found failed migrations in the target database, new migrations will not be applied.",
        ],
    ),
    ("app-crash", Exit(1), &["FileNotFoundError: [Errno 2] No such file or directory: 'config/prod.json'"]),
    (
        "app-crash",
        Exit(1),
        &["{\"level\":60,\"msg\":\"unhandledRejection\",\"err\":{\"type\":\"Error\",\"message\":\"boom\"}}"],
    ),
    // memory, disk
    (
        "out-of-memory",
        Exit(134),
        &[
            "<--- Last few GCs --->",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        ],
    ),
    ("out-of-memory", Exit(1), &["Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space"]),
    ("out-of-memory", Exit(137), &["loading weights"]),
    (
        "out-of-memory",
        Exit(1),
        &["[2024-05-01 10:00:00 +0000] [1] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?"],
    ),
    ("out-of-memory", Exit(2), &["fatal error: runtime: out of memory"]),
    (
        "out-of-memory",
        Exit(255),
        &[
            "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)",
        ],
    ),
    ("disk-full", Exit(1), &["OSError: [Errno 28] No space left on device: '/tmp/model.bin'"]),
    (
        "disk-full",
        Exit(134),
        &["Unhandled exception. System.IO.IOException: No space left on device : '/tmp/x'"],
    ),
    (
        "app-crash",
        Exit(1),
        &["Error: ENOSPC: System limit for number of file watchers reached, watch '/app/src'"],
    ),
    // AWS
    (
        "instance-role-permission",
        Exit(1),
        &["botocore.exceptions.NoCredentialsError: Unable to locate credentials"],
    ),
    (
        "instance-role-permission",
        Exit(1),
        &[
            "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of the providers in the chain",
        ],
    ),
    (
        "instance-role-permission",
        Exit(1),
        &[
            "operation error DynamoDB: GetItem, https response error StatusCode: 400, RequestID: X, api error AccessDeniedException: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: dynamodb:GetItem",
        ],
    ),
    (
        "secret-access-denied",
        Exit(1),
        &[
            "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/web/1 is not authorized to perform: secretsmanager:GetSecretValue on resource: prod/db because no identity-based policy allows the action",
        ],
    ),
    (
        "secret-access-denied",
        Exit(1),
        &[
            "com.amazonaws.services.simplesystemsmanagement.model.AWSSimpleSystemsManagementException: User is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:1:parameter/db",
        ],
    ),
    (
        "secret-not-found",
        Exit(1),
        &[
            "botocore.errorfactory.ResourceNotFoundException: An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: Secrets Manager can't find the specified secret.",
        ],
    ),
    // logins
    (
        "downstream-credentials",
        Exit(1),
        &[
            "psycopg2.OperationalError: connection to server at \"10.0.1.4\", port 5432 failed: FATAL:  password authentication failed for user \"web\"",
        ],
    ),
    (
        "downstream-credentials",
        Exit(1),
        &[
            "Error: Access denied for user 'web'@'10.0.2.3' (using password: YES)",
            "  code: 'ER_ACCESS_DENIED_ERROR',",
        ],
    ),
    ("downstream-credentials", Exit(1), &["MongoServerError: bad auth : authentication failed"]),
    (
        "downstream-credentials",
        Exit(1),
        &["ReplyError: WRONGPASS invalid username-password pair or user is disabled."],
    ),
    (
        "downstream-credentials",
        Exit(1),
        &["Microsoft.Data.SqlClient.SqlException (0x80131904): Login failed for user 'web'."],
    ),
    (
        "downstream-credentials",
        Exit(1),
        &["org.postgresql.util.PSQLException: FATAL: database \"shop\" does not exist"],
    ),
    ("downstream-credentials", Exit(1), &["SQLSTATE[HY000] [1049] Unknown database 'shop'"]),
    (
        "downstream-credentials",
        Exit(1),
        &[
            "Error: P1000: Authentication failed against database server at `db`, the provided database credentials for `web` are not valid.",
        ],
    ),
    (
        "downstream-credentials",
        Exit(2),
        &[
            "2024/05/01 10:00:00 failed to connect to `host=10.0.1.2 user=web database=shop`: server error (FATAL: password authentication failed for user \"web\" (SQLSTATE 28P01))",
        ],
    ),
];

pub(crate) const HEALTH: &[Row] = &[
    // ports
    ("health-check-port", Tcp(8080), &["Server listening on port 3000"]),
    (
        "health-check-port",
        Tcp(8080),
        &[
            "  .   ____ ",
            "Tomcat started on port(s): 9090 (http) with context path ''",
            "Started App in 6.1 seconds",
        ],
    ),
    ("health-check-port", Tcp(8080), &["* Listening on http://0.0.0.0:3000", "Use Ctrl-C to stop"]),
    ("health-check-port", Tcp(8080), &["[GIN-debug] Listening and serving HTTP on :9000"]),
    (
        "health-check-port",
        Tcp(8000),
        &["INFO:     Uvicorn running on http://0.0.0.0:80 (Press CTRL+C to quit)"],
    ),
    (
        "health-check-port",
        Tcp(8080),
        &["Now listening on: http://[::]:5000", "Application started. Press Ctrl+C to shut down."],
    ),
    ("health-check-port", Tcp(8080), &["⇨ http server started on [::]:1323"]),
    (
        "health-check-port",
        Tcp(8080),
        &["[info] Running ShopWeb.Endpoint with cowboy 2.10.0 at :::4000 (http)"],
    ),
    ("health-check-port", Tcp(8080), &["{\"level\":\"info\",\"msg\":\"server started\",\"addr\":\":3333\"}"]),
    ("health-check-port", Tcp(8080), &["🚀 Server ready at http://0.0.0.0:4000/graphql"]),
    ("health-check-port", Tcp(8080), &["App is running on PORT 5000"]),
    ("health-check-port", Tcp(8080), &["WEBrick::HTTPServer#start: pid=1 port=4567"]),
    ("health-check-port", Tcp(8080), &["Rocket has launched from http://0.0.0.0:8000"]),
    (
        "health-check-port",
        Tcp(8080),
        &["Gunicorn: [2024-05-01 10:00:00 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)"],
    ),
    (
        "health-check-port",
        Tcp(8080),
        &["[2024-05-01T10:00:00Z] info: HTTP server on 0.0.0.0:5001 accepting requests"],
    ),
    ("health-check-port", Tcp(8080), &["Listening: 3001"]),
    (
        "health-check-port",
        Tcp(8080),
        &[
            "2024-05-01 INFO  [main] io.quarkus - web 1.0 on JVM started in 1.2s. Listening on: http://0.0.0.0:9080",
        ],
    ),
    (
        "health-check-port",
        Tcp(8080),
        &["You can now view your Streamlit app in your browser.", "  URL: http://0.0.0.0:8501"],
    ),
    ("health-check-port", Tcp(8080), &["  ➜  Network: http://0.0.0.0:5173/"]),
    // interfaces
    (
        "health-check-bind-address",
        Tcp(8000),
        &["INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)"],
    ),
    (
        "health-check-bind-address",
        Tcp(3000),
        &[
            "  ▲ Next.js 14.1.0",
            "  - Local:        http://ip-10-0-1-23.eu-west-1.compute.internal:3000",
            "  - Network:      http://ip-10-0-1-23.eu-west-1.compute.internal:3000",
            " ✓ Ready in 412ms",
        ],
    ),
    (
        "health-check-bind-address",
        Tcp(5000),
        &[" * Running on http://127.0.0.1:5000", "Press CTRL+C to quit"],
    ),
    (
        "health-check-bind-address",
        Tcp(8080),
        &["{\"level\":30,\"time\":1714557600,\"msg\":\"Server listening at http://127.0.0.1:8080\"}"],
    ),
    ("health-check-bind-address", Tcp(8000), &["   INFO  Server running on [http://127.0.0.1:8000]."]),
    (
        "health-check-bind-address",
        Tcp(3000),
        &["* Listening on http://127.0.0.1:3000", "* Listening on http://[::1]:3000"],
    ),
    ("health-check-bind-address", Tcp(8080), &["listening on 127.0.0.1:8080"]),
    (
        "health-check-bind-address",
        Tcp(5173),
        &["  ➜  Local:   http://localhost:5173/", "  ➜  Network: use --host to expose"],
    ),
    (
        "health-check-bind-address",
        Tcp(8000),
        &["Starting development server at http://127.0.0.1:8000/", "Quit the server with CONTROL-C."],
    ),
    (
        "health-check-bind-address",
        Tcp(8080),
        &["starting service: \"actix-web-service-127.0.0.1:8080\", workers: 2, listening on: 127.0.0.1:8080"],
    ),
    ("health-check-bind-address", Tcp(8080), &["Now listening on: http://localhost:8080"]),
    // paths
    (
        "health-check-path",
        Http("/health"),
        &["INFO:     10.0.0.1:1234 - \"GET /health HTTP/1.1\" 404 Not Found"],
    ),
    (
        "health-check-path",
        Http("/"),
        &["server listening on 0.0.0.0:8080", "GET / 302 3.1 ms - 28", "GET / 302 0.9 ms - 28"],
    ),
    (
        "health-check-path",
        Http("/"),
        &[
            "Invalid HTTP_HOST header: '10.0.1.5:8080'. You may need to add '10.0.1.5' to ALLOWED_HOSTS.",
            "Bad Request: /",
        ],
    ),
    (
        "health-check-path",
        Http("/up"),
        &["Started GET \"/up\" for 10.0.0.1 at 2024-05-01 10:00:00", "Completed 401 Unauthorized in 2ms"],
    ),
    (
        "health-check-path",
        Http("/healthz"),
        &["[GIN] 2024/05/01 - 10:00:00 | 404 |       1.2µs |        10.0.0.1 | GET      \"/healthz\""],
    ),
    (
        "health-check-path",
        Http("/health"),
        &["{\"method\":\"GET\",\"path\":\"/health\",\"status\":401,\"duration\":2}"],
    ),
    (
        "health-check-path",
        Http("/health"),
        &["Request finished HTTP/1.1 GET http://10.0.0.1:8080/health - 404 0 - 1.2ms"],
    ),
    (
        "health-check-path",
        Http("/"),
        &[
            "10.0.0.1 - - [01/May/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 403 153 \"-\" \"-\" \"-\"",
            "2024/05/01 10:00:00 [error] 7#7: *1 directory index of \"/app/public/\" is forbidden",
        ],
    ),
    ("health-check-path", Http("/health"), &["[info] GET /health", "[info] Sent 404 in 1ms"]),
    // slow
    (
        "health-check-slow-start",
        Tcp(8080),
        &["Loading model weights from /models/llm ...", "Loading checkpoint shards:  33%|###       | 1/3"],
    ),
    (
        "health-check-slow-start",
        Tcp(8080),
        &[
            "2024-05-01 10:00:00 Starting App using Java 17",
            "2024-05-01 10:06:12 Tomcat started on port(s): 8080 (http)",
            "2024-05-01 10:06:13 Started App in 371.8 seconds (process running for 373.0)",
        ],
    ),
    ("health-check-slow-start", Tcp(8080), &["Running migrations ...", "Applying migration 0041_backfill"]),
];

pub(crate) const NETWORK: &[Row] = &[
    (
        "downstream-unreachable",
        Exit(1),
        &["Error: connect ETIMEDOUT 10.0.2.15:5432", "    at TCPConnectWrap.afterConnect"],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"db.abc.eu-west-1.rds.amazonaws.com\" (10.0.3.4), port 5432 failed: Connection timed out",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
            "Caused by: java.net.ConnectException: Connection timed out (Connection timed out)",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &["Error: P1001: Can't reach database server at `db.internal`:`5432`"],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &["MongooseServerSelectionError: connect ECONNREFUSED 10.0.4.4:27017"],
    ),
    ("downstream-unreachable", Exit(1), &["redis.exceptions.TimeoutError: Timeout connecting to server"]),
    ("downstream-unreachable", Exit(1), &["2024/05/01 10:00:00 dial tcp 10.0.1.9:3306: i/o timeout"]),
    (
        "downstream-unreachable",
        Exit(1),
        &["SQLSTATE[HY000] [2002] Connection timed out (Connection: mysql, SQL: select * from sessions)"],
    ),
    (
        "downstream-unreachable",
        Exit(134),
        &[
            "Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.1.4:5432",
            " ---> System.TimeoutException: Timeout during connection attempt",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "A network-related or instance-specific error occurred while establishing a connection to SQL Server. The server was not found or was not accessible.",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "PG::ConnectionBad: could not connect to server: Connection timed out",
            "Is the server running on host \"10.0.1.4\" and accepting TCP/IP connections on port 5432?",
        ],
    ),
    ("downstream-unreachable", Exit(1), &["Error: getaddrinfo ENOTFOUND postgres"]),
    (
        "downstream-unreachable",
        Tcp(8080),
        &[
            "Waiting for database...",
            "could not connect to server: Connection timed out",
            "Waiting for database...",
            "could not connect to server: Connection timed out",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'entityManagerFactory'",
            "Caused by: com.zaxxer.hikari.pool.HikariPool$PoolInitializationException: Failed to initialize pool: The connection attempt failed.",
            "Caused by: java.net.SocketTimeoutException: Connect timed out",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(1),
        &[
            "[error] Postgrex.Protocol (#PID<0.1.0>) failed to connect: ** (DBConnection.ConnectionError) tcp connect (10.0.1.3:5432): connection refused - :econnrefused",
        ],
    ),
    (
        "downstream-unreachable",
        Exit(101),
        &[
            "Error: pool timed out while waiting for an open connection",
            "thread 'main' panicked at src/db.rs:7: failed to connect to postgres",
        ],
    ),
    (
        "vpc-no-egress",
        Vpc("none"),
        &[
            "botocore.exceptions.ConnectTimeoutError: Connect timeout on endpoint URL: \"https://sqs.eu-west-1.amazonaws.com/\"",
        ],
    ),
    (
        "vpc-no-egress",
        Vpc("none"),
        &[
            "TypeError: fetch failed",
            "  [cause]: ConnectTimeoutError: Connect Timeout Error (attempted address: api.stripe.com:443, timeout: 10000ms)",
        ],
    ),
    ("vpc-public-subnet", Vpc("igw"), &["Error: connect ETIMEDOUT 52.94.5.1:443"]),
    ("downstream-unreachable", Vpc("nat"), &["Error: connect ETIMEDOUT 10.0.2.15:5432"]),
    ("downstream-unreachable", Vpc("none"), &["Error: connect ETIMEDOUT 10.0.2.15:5432"]),
    (
        "vpc-no-egress",
        Vpc("none"),
        &[
            "requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='login.example.com', port=443): Max retries exceeded with url: /.well-known/jwks.json",
        ],
    ),
    (
        "vpc-no-egress",
        Vpc("none"),
        &[
            "software.amazon.awssdk.core.exception.SdkClientException: Unable to execute HTTP request: Connect to secretsmanager.eu-west-1.amazonaws.com:443 failed: connect timed out",
        ],
    ),
    (
        "vpc-no-egress",
        Vpc("none"),
        &["Get \"https://api.github.com/meta\": dial tcp 140.82.1.5:443: i/o timeout"],
    ),
];
