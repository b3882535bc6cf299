//! The narrow client's reading, against what a service would never send.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::{SdkConfig, region::Region};
use proptest::prelude::*;

use super::{Api, Narrow, Partition, protocol::Protocol, xml};

/// Everything that an adapter does with an answer.
fn walk(text: &str) -> usize {
    let Ok(document) = xml::parse(text) else { return 0 };
    let root = document.root_element();
    let entries = ["subnetSet", "routeTableSet", "MetricDataResults", "member", "item"];
    let found = entries.iter().flat_map(|list| xml::entries(root, list));
    found.map(|node| usize::from(xml::text(node, &["subnetId"]).is_some()) + 1).sum()
}

#[test]
fn entities_are_refused() {
    let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>"#;
    let file = r#"<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>"#;
    for hostile in [bomb, file, "<a>&b;</a>"] {
        assert!(xml::parse(hostile).is_err(), "{hostile}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    // Deeper than a stack could take if reading were recursive.
    let deep = "<a>".repeat(150_000) + &"</a>".repeat(150_000);
    assert!(xml::parse(&deep).is_ok());
    let wide = format!("<a>{}</a>", "<b/>".repeat(250_000));
    assert!(matches!(xml::parse(&wide), Err(xml::Unreadable::Malformed(_))));
}

#[test]
fn what_is_cut_off_is_refused_at_every_place() {
    let whole =
        r#"<?xml version="1.0"?><R xmlns="n"><subnetSet><item><subnetId>s</subnetId></item></subnetSet></R>"#;
    assert_eq!(walk(whole), 2);
    for end in 0..whole.len() {
        assert!(xml::parse(&whole[..end]).is_err(), "{}", &whole[..end]);
    }
}

#[test]
fn every_shape_of_refusal_gives_code_message_and_request() {
    let query = Protocol::Query { version: "2016-11-15" };
    let json = Protocol::Json { target: "ECR", version: "1.1" };
    let ec2 = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no &amp; no</Message></Error></Errors><RequestID>r-1</RequestID></Response>";
    let iam = "<ErrorResponse xmlns=\"n\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>none</Message></Error><RequestId>r-2</RequestId></ErrorResponse>";
    let ecr = r#"{"__type":"com.amazonaws.ecr#AccessDeniedException","message":"denied"}"#;
    let batch = "<InvalidChangeBatch xmlns=\"n\"><Messages><Message>one</Message><Message>two</Message></Messages><RequestId>r-3</RequestId></InvalidChangeBatch>";
    for (protocol, status, body, expected) in [
        (Protocol::Rest, 400, batch, (Some("InvalidChangeBatch"), Some("one, two"), "request r-3")),
        (Protocol::Rest, 404, iam, (Some("NoSuchEntity"), Some("none"), "request r-2")),
        (query, 403, ec2, (Some("UnauthorizedOperation"), Some("no & no"), "request r-1")),
        (query, 404, iam, (Some("NoSuchEntity"), Some("none"), "request r-2")),
        (json, 400, ecr, (Some("AccessDeniedException"), Some("denied"), "request of the header")),
        (query, 503, "upstream connect error", (None, None, "request of the header")),
        (json, 502, "<html>", (None, None, "status 502")),
    ] {
        let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
        response.headers_mut().insert("x-amzn-requestid", "of the header");
        let error = protocol.read(&response).unwrap_err();
        let refusal = error.as_operation_error().unwrap();
        assert_eq!((refusal.code(), refusal.message()), (expected.0, expected.1), "{body}");
        assert!(refusal.to_string().contains(expected.2), "{refusal}");
    }
}

#[test]
fn endpoints_are_those_of_the_partition() {
    const REGIONAL: Api = Api {
        id: "ECR",
        signing_name: "ecr",
        host: "api.ecr",
        global: false,
        protocol: Protocol::Json { target: "", version: "1.1" },
    };
    const GLOBAL: Api = Api {
        id: "IAM",
        signing_name: "iam",
        host: "iam",
        global: true,
        protocol: Protocol::Query { version: "" },
    };
    let sdk = SdkConfig::builder().build();
    for (region, regional, global, signed_for) in [
        ("eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com", "https://iam.amazonaws.com", "us-east-1"),
        (
            "cn-northwest-1",
            "https://api.ecr.cn-northwest-1.amazonaws.com.cn",
            "https://iam.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
        ),
        (
            "us-gov-east-1",
            "https://api.ecr.us-gov-east-1.amazonaws.com",
            "https://iam.us-gov.amazonaws.com",
            "us-gov-west-1",
        ),
    ] {
        let region = Region::from_static(region);
        let partition = Partition::of(&region);
        let endpoint = |api| Narrow::new(&sdk, api).endpoint(&region, &partition);
        assert_eq!((endpoint(&REGIONAL).as_str(), endpoint(&GLOBAL).as_str()), (regional, global));
        assert_eq!(partition.global_region, signed_for);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), status in 200_u16..600) {
        walk(&String::from_utf8_lossy(&bytes));
        for protocol in [Protocol::Query { version: "" }, Protocol::Json { target: "", version: "1.1" }, Protocol::Rest, Protocol::Plain] {
            let response = HttpResponse::new(status.try_into().unwrap(), bytes.clone().into());
            let refused = protocol.read(&response).is_err();
            prop_assert_eq!(refused, status >= 300);
        }
    }

    #[test]
    fn arbitrary_markup_never_panics(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "<item>", "</item>", "<subnetSet>", "</subnetSet>", "<subnetId>", "</subnetId>", "<!--", "-->", "<![CDATA[",
                "]]>", "<?x?>", "&#x0;", "&lt;", "&amp", "<a b='", "'/>", "<!DOCTYPE a [", "\u{0}", "\u{feff}", "text", "<", ">",
            ]),
            0..60,
        )
    ) {
        walk(&parts.concat());
        walk(&format!("<R>{}</R>", parts.concat()));
    }
}
