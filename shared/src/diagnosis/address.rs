//! Reading addresses out of a line: where a server listens, what a connection was meant to reach.

/// Where a server listens, or what it says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// All interfaces.
    Any,
    /// The container itself only.
    Loopback,
    /// The container's host name.
    HostName,
    /// An address or name that is none of these.
    Other,
    /// Not said.
    Unsaid,
}

/// A listening address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) interface: Interface,
    pub(super) port: u16,
}

/// What a connection was meant to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The container itself.
    Loopback,
    /// An address or name inside a network, or a database.
    Private,
    /// The internet or an AWS API.
    Public,
    /// Not said.
    Unsaid,
}

/// The pieces of a line that may be addresses: between blanks, quotes, brackets of text and the like.
fn pieces(lower: &str) -> impl Iterator<Item = &str> {
    let cut = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\'' | '`' | '(' | ')' | ',' | ';' | '{' | '}' | '<' | '>' | '=' | '|')
    };
    lower.split(cut).filter(|piece| !piece.is_empty())
}

/// `host:port` of a piece, without scheme, user and path.
fn host_and_port(piece: &str) -> (Option<&str>, &str, Option<u16>) {
    let (scheme, rest) = piece.split_once("://").map_or((None, piece), |(scheme, rest)| (Some(scheme), rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest).trim_end_matches(['.', ']', '!']);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port_number(port)),
        None => (rest, None),
    };
    (scheme, host, port)
}

fn port_number(text: &str) -> Option<u16> {
    let plain = !text.is_empty()
        && text.len() <= 5
        && text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

/// The address at which a server says it listens.
pub(super) fn listening(lower: &str) -> Option<Address> {
    let mut best: Option<Address> = None;
    for piece in pieces(lower) {
        let (scheme, host, port) = host_and_port(piece.trim_start_matches("addr:"));
        let host = host.trim_start_matches("[::ffff:").trim_matches(['[', ']']);
        let port = port.or_else(|| (scheme == Some("http") && !host.is_empty()).then_some(80));
        let (Some(port), Some(interface)) = (port, interface(host, scheme.is_some())) else { continue };
        let plausible = port >= 80 || scheme.is_some();
        let better = best.is_none_or(|b| b.interface != Interface::Any && interface == Interface::Any);
        if plausible && better {
            best = Some(Address { interface, port });
        }
    }
    let bound =
        lower.split_once("bound on host ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    if let (Some(address), Some(host)) = (&mut best, bound) {
        address.interface = interface(host, false).unwrap_or(address.interface);
    }
    match best {
        Some(address) if address.port != 80 => Some(address),
        _ => port_after_word(lower)
            .map(|port| Address { interface: host_word(lower).unwrap_or(Interface::Unsaid), port })
            .or(best),
    }
}

/// What kind of host this is; `None` if the text cannot be one.
fn interface(host: &str, with_scheme: bool) -> Option<Interface> {
    match host {
        "0.0.0.0" | "::" | ":" | "*" | "" | "+" => Some(Interface::Any),
        "localhost" | "::1" => Some(Interface::Loopback),
        _ if host.starts_with("127.") => Some(Interface::Loopback),
        _ if host.contains("compute.internal") || host.starts_with("ip-") => Some(Interface::HostName),
        _ if host.contains(':') || host.bytes().all(|b| b.is_ascii_digit()) => None,
        _ if with_scheme || is_address(host) => Some(Interface::Other),
        _ => None,
    }
}

/// The port that follows the word for it: `port 3000`, `port(s): 8080`, `port=3000`, or `on 4567`.
fn port_after_word(lower: &str) -> Option<u16> {
    for marker in ["port", "on ", "at ", "listening"] {
        let mut rest = lower;
        while let Some((_, after)) = rest.split_once(marker) {
            rest = after;
            let after = after.strip_prefix("(s)").or_else(|| after.strip_prefix('s')).unwrap_or(after);
            let digits = after.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '/' && c != '-');
            let number = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let follows = digits[number.len()..].chars().next();
            let whole = !matches!(follows, Some('.' | ':' | '/' | '-'))
                || follows == Some('.')
                    && !digits[number.len() + 1..].starts_with(|c: char| c.is_ascii_digit());
            if let Some(port) = port_number(number).filter(|port| *port >= 80 && whole) {
                return Some(port);
            }
        }
    }
    None
}

/// A bare host that stands beside a port in words: `host=0.0.0.0 port=3000`.
fn host_word(lower: &str) -> Option<Interface> {
    pieces(lower).find_map(|piece| match piece.trim_matches(['[', ']', ':']) {
        "0.0.0.0" | "*" => Some(Interface::Any),
        "localhost" | "127.0.0.1" => Some(Interface::Loopback),
        _ => None,
    })
}

fn is_address(host: &str) -> bool {
    host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok())
}

/// Ports of databases, caches and brokers.
const DATABASE_PORTS: &[u16] = &[
    1433, 1521, 3306, 5432, 5433, 6379, 6380, 6432, 27017, 27018, 9042, 9092, 9094, 9096, 9098, 5672, 5671,
    11211, 9200, 8182, 5439,
];

/// Words by which a line shows that it is about a database, cache or broker.
const DATABASE_WORDS: &[&str] = &[
    "postgres",
    "psycopg",
    "asyncpg",
    "pgx",
    "psql",
    "mysql",
    "mariadb",
    "mongo",
    "redis",
    "jdbc",
    "hikari",
    "sqlalchemy",
    "sequelize",
    "prisma",
    "typeorm",
    "knex",
    "npgsql",
    "sqlclient",
    "sqlserver",
    "mssql",
    "sql server",
    "oracle",
    "activerecord",
    "pdoexception",
    "sqlstate",
    "doctrine",
    "gorm",
    "sqlx",
    "ecto",
    "dbconnection",
    "postgrex",
    "elasticsearch",
    "opensearch",
    "kafka",
    "bootstrap server",
    "rabbitmq",
    "amqp",
    "memcache",
    "cassandra",
    "database",
    "valkey",
    "pg::",
    "pg-pool",
    "flyway",
    "liquibase",
    "alembic",
    "diesel",
    "p1001",
    "p1002",
    "sql",
    "db:",
    "db host",
];

/// What a connection was meant to reach, by addresses and names in the line.
pub(super) fn target(lower: &str) -> Target {
    let mut seen = Target::Unsaid;
    for piece in pieces(lower) {
        let (scheme, host, port) = host_and_port(piece);
        let host = host.trim_matches(['[', ']', ':', '.']);
        let database_port = port.is_some_and(|port| DATABASE_PORTS.contains(&port));
        match classify(host, scheme.is_some() || port.is_some()) {
            Target::Unsaid if database_port && seen == Target::Unsaid && !host.is_empty() => {
                return Target::Private;
            }
            Target::Unsaid => (),
            Target::Public => seen = Target::Public,
            nearby => return nearby,
        }
    }
    if seen == Target::Unsaid && about_database(lower) { Target::Private } else { seen }
}

/// Whether the line speaks of a database, cache or broker.
pub(super) fn about_database(lower: &str) -> bool {
    DATABASE_WORDS.iter().any(|word| lower.contains(word))
}

/// Ends of names inside a network.
const PRIVATE_NAMES: &[&str] = &[
    ".internal",
    ".local",
    ".rds.amazonaws.com",
    ".cache.amazonaws.com",
    ".docdb.amazonaws.com",
    ".neptune.amazonaws.com",
    ".redshift.amazonaws.com",
    ".memorydb.amazonaws.com",
    ".private",
    ".lan",
    ".corp",
    ".intra",
];

/// Ends of names in the internet.
const PUBLIC_NAMES: &[&str] = &[
    ".com", ".net", ".org", ".io", ".dev", ".app", ".ai", ".cloud", ".tech", ".co", ".jp", ".eu", ".cn",
    ".us", ".de", ".uk", ".fr", ".me", ".aws", ".gov", ".info", ".biz", ".example", ".test",
];

fn classify(host: &str, addressed: bool) -> Target {
    if is_address(host) {
        return classify_address(host);
    }
    match host {
        "localhost" | "::1" | "127.1" => Target::Loopback,
        _ if PRIVATE_NAMES.iter().any(|end| host.ends_with(end)) => Target::Private,
        _ if host.contains(".es.amazonaws.com") || host.contains(".kafka.") || host.contains("vpce-") => {
            Target::Private
        }
        _ if PUBLIC_NAMES.iter().any(|end| host.ends_with(end)) && (addressed || !host.contains('_')) => {
            Target::Public
        }
        _ => Target::Unsaid,
    }
}

fn classify_address(host: &str) -> Target {
    let mut parts = host.split('.').filter_map(|part| part.parse::<u8>().ok());
    match (parts.next(), parts.next()) {
        (Some(127), _) => Target::Loopback,
        (Some(10), _) | (Some(192), Some(168)) | (Some(172), Some(16..=31)) | (Some(100), Some(64..=127)) => {
            Target::Private
        }
        (Some(0 | 169), _) => Target::Unsaid,
        _ => Target::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_goes_on_is_no_port() {
        for (said, port) in [
            ("listening on 8080.", Some(8080)),
            ("listening at 100.64.0.5", None),
            ("listening on 2024-05-01", None),
        ] {
            assert_eq!(port_after_word(said), port, "{said}");
        }
    }

    #[test]
    fn listening_addresses() {
        let table: &[(&str, Interface, u16)] = &[
            ("uvicorn running on http://127.0.0.1:8000 (press ctrl+c to quit)", Interface::Loopback, 8000),
            (
                "[2024-01-01 12:00:00 +0000] [1] [info] listening at: http://0.0.0.0:8080 (1)",
                Interface::Any,
                8080,
            ),
            ("ready - started server on 0.0.0.0:3000, url: http://localhost:3000", Interface::Any, 3000),
            ("- local: http://ip-10-0-1-23.eu-west-1.compute.internal:3000", Interface::HostName, 3000),
            ("tomcat started on port(s): 8080 (http) with context path ''", Interface::Unsaid, 8080),
            ("tomcat started on port 8081 (http)", Interface::Unsaid, 8081),
            ("now listening on: http://[::]:8080", Interface::Any, 8080),
            ("* listening on tcp://0.0.0.0:9292", Interface::Any, 9292),
            ("http://127.0.0.1:3000 (bound on host 0.0.0.0 and port 3000)", Interface::Any, 3000),
            ("running app.endpoint with cowboy 2.10 at :::4000 (http)", Interface::Any, 4000),
            ("listening on addr=0.0.0.0:8080 fd=7", Interface::Any, 8080),
            ("started serverconnector@1a{http/1.1, (http/1.1)}{0.0.0.0:8080}", Interface::Any, 8080),
            ("== sinatra (v3) has taken the stage on 4567 for development", Interface::Unsaid, 4567),
            ("webrick::httpserver#start: pid=1 port=3000", Interface::Unsaid, 3000),
            ("server running on [http://127.0.0.1:8000].", Interface::Loopback, 8000),
            ("12:00:01 listening and serving http on :9090", Interface::Any, 9090),
        ];
        for (line, interface, port) in table {
            assert_eq!(listening(line), Some(Address { interface: *interface, port: *port }), "{line}");
        }
        assert_eq!(listening("2024-01-01t12:00:00 server ready"), None);
    }

    #[test]
    fn targets() {
        let table: &[(&str, Target)] = &[
            ("error: connect etimedout 10.0.2.15:5432", Target::Private),
            ("connect econnrefused 127.0.0.1:6379", Target::Loopback),
            ("connect timeout on endpoint url: \"https://sqs.eu-west-1.amazonaws.com/\"", Target::Public),
            ("getaddrinfo enotfound db.abc.eu-west-1.rds.amazonaws.com", Target::Private),
            ("java.net.connectexception: connection timed out", Target::Unsaid),
            ("could not connect to redis", Target::Private),
            ("connect etimedout 52.94.1.2:443", Target::Public),
        ];
        for (line, want) in table {
            assert_eq!(target(line), *want, "{line}");
        }
    }
}
