//! Near misses: what looks like a cause and is none, or another one.

use super::Row;
use super::course::Course::{Exit, Http, Running, Success, Tcp, Vpc};

pub(crate) const ROWS: &[Row] = &[
    ("unknown", Tcp(8080), &[]),
    ("unknown", Tcp(8080), &["hello"]),
    ("unknown", Tcp(8080), &["Server listening on 0.0.0.0:8080"]),
    ("unknown", Tcp(3000), &["  - Local:   http://localhost:3000", "  - Network: http://0.0.0.0:3000", "Ready in 200ms"]),
    ("unknown", Tcp(8080), &["Debugger listening on ws://127.0.0.1:9229/abc", "Server listening on port 8080"]),
    ("unknown", Tcp(8080), &["Prometheus metrics listening on :9090", "API listening on :8080"]),
    ("unknown", Http("/health"), &["listening on 0.0.0.0:8080", "GET /favicon.ico 404 1 ms", "GET /wp-login.php 404 1 ms"]),
    ("unknown", Tcp(8080), &["Server listening on 0.0.0.0:8080", "GET / 404 1 ms"]),
    ("unknown", Tcp(8080), &["Server listening on 0.0.0.0:8080", "received SIGTERM, shutting down"]),
    ("unknown", Tcp(8080), &["(node:1) DeprecationWarning: Buffer() is deprecated", "npm WARN EBADENGINE Unsupported engine"]),
    ("health-check-port", Tcp(8080), &["WARN redis unavailable: connect ECONNREFUSED 10.0.1.3:6379, continuing without cache", "Server listening on port 3000"]),
    ("downstream-unreachable", Exit(1), &["Server listening on 0.0.0.0:8080", "Error: connect ECONNREFUSED 10.0.1.3:6379", "Node.js v20.0.0"]),
    ("secret-access-denied", Exit(1), &["AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue", "KeyError: 'DB_PASSWORD'"]),
    ("app-env-missing|downstream-unreachable", Exit(1), &["DATABASE_URL is not set, using localhost", "Error: connect ECONNREFUSED 127.0.0.1:5432"]),
    ("healthy", Success, &["Traceback (most recent call last):", "KeyError: 'x'", "listening on 127.0.0.1:3000"]),
    ("healthy", Success, &["npm ERR! code ERESOLVE", "Error: connect ETIMEDOUT 10.0.0.1:5432"]),
    ("healthy", Running, &["GET / 200 1 ms", "GET /x 500 3 ms", "Error: connect ETIMEDOUT 52.1.1.1:443", "GET / 200 1 ms"]),
    ("healthy", Running, &["listening on 0.0.0.0:8080", "GET /wp-admin 404 1 ms", "received SIGTERM"]),
    ("vpc-no-egress", Vpc("none"), &["Error: connect ETIMEDOUT 10.0.2.15:5432", "Error: connect ETIMEDOUT 52.1.1.1:443"]),
    ("app-crash", Exit(1), &["INFO connected to database", "ValueError: bad input"]),
    ("app-crash", Exit(1), &["pandas: KeyError: 'order_id'", "Traceback (most recent call last):"]),
    ("unknown|app-crash", Exit(1), &[]),
    ("unknown", Exit(143), &["listening on :8080", "SIGTERM received"]),
    ("health-check-bind-address", Tcp(3000), &["Connected to mongodb://10.0.0.4:27017", "Server running at http://127.0.0.1:3000/"]),
    ("unknown", Tcp(8080), &["Connected to postgres at 10.0.0.4:5432", "Redis ready on 10.0.0.5:6379"]),
];
