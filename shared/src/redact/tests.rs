use super::*;

fn masked(text: &str) -> String {
    Redactor::default().clean(&text.into()).to_string()
}

#[test]
fn what_looks_like_a_secret_is_masked() {
    for (text, expected) in [
        ("password=hunter2 ok", "password=[redacted] ok"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: [redacted]"),
        ("password = hunter2", "password = [redacted]"),
        ("'secret' => 'abc', 'n' => 1", "'secret' => '[redacted]', 'n' => 1"),
        (r#"{"api_key": "abc", "n": 1}"#, r#"{"api_key": "[redacted]", "n": 1}"#),
        ("curl -H 'Authorization: Bearer abc.def' x", "curl -H 'Authorization: Bearer [redacted]' x"),
        ("postgres://app:s3c:r@t@db/x", "postgres://app:[redacted]@db/x"),
        ("run --token abc123 --port 80", "run --token [redacted] --port 80"),
        ("GET /?access_token=zzz&page=2", "GET /?access_token=[redacted]&page=2"),
        ("id AKIAIOSFODNN7EXAMPLE!", "id [redacted]"),
        ("Server=db;User=a;Password=b;", "Server=db;User=a;Password=[redacted];"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted]\n[redacted]\n[redacted]\nb",
        ),
    ] {
        assert_eq!(masked(text), expected);
    }
}

#[test]
fn evidence_stays_readable() {
    for text in [
        "User: arn:aws:sts::123456789012:assumed-role/app/x is not authorized to perform: secretsmanager:GetSecretValue",
        "[AppRunner] Deployment with ID : 0af3bc0000000000000000000000abcd failed.",
        "SyntaxError: Unexpected token '??='",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "connect ECONNREFUSED 10.0.1.23:5432",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn known_values_go_wherever_they_stand() {
    let mut redactor = Redactor::default();
    redactor.know_variable("DATABASE_URL", &"mysql://app:open-sesame@db.internal/orders".into());
    redactor.know_variable("PIN", &"4711".into());
    redactor.know_variable("ADMIN_PASSWORD", &"abc".into());
    redactor.know_variable("PORT", &"8080".into());
    redactor.know_command(&"node server.js --key=qwertz99 xyzzy-plugh".into());
    let text = "open-sesame xabcx 8080 4711 qwertz99 node server.js xyzzy-plugh";
    let expected = "[redacted] x[redacted]x 8080 4711 [redacted] node server.js [redacted]";
    assert_eq!(redactor.clean(&text.into()).as_str(), expected);
}

#[test]
fn a_known_word_hides_no_key() {
    let mut redactor = Redactor::default();
    redactor.know_variable("SMTP", &r#"{"password":"open-sesame","host":"smtp.internal"}"#.into());
    redactor.know_variable("WORD", &"assword".into());
    redactor.know_variable("HOOK", &"https://app:hunter22@hooks.internal/xyzzy-plugh".into());
    let text = "password=hunter2 to https://app:hunter22@hooks.internal/xyzzy-plugh as open-sesame";
    let expected = "[redacted]=[redacted] to [redacted] as [redacted]";
    assert_eq!(redactor.clean(&text.into()).as_str(), expected);
}

#[test]
fn debug_output_shows_nothing() {
    let mut redactor = Redactor::default();
    redactor.know_variable("TOKEN", &"open-sesame".into());
    assert_eq!(
        format!("{:?} {redactor:?}", Untrusted::new("open-sesame")),
        "Untrusted(11 bytes) Redactor(1 known values)"
    );
}
