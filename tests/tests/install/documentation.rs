//! The commands of the documentation, run as they are written.

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{IMAGE, root};
use sandbox::aws::apprunner::ServiceSpec;

use crate::account::{Account, STACK, answer};

/// Documents with commands for people who operate the stack.
const DOCUMENTS: [&str; 5] = [
    "README.md",
    "docs/operations.md",
    "docs/rollback.md",
    "docs/cleanup.md",
    "docs/migrating-to-ecs-express.md",
];

/// How the documents send a function a command.
const ASK: &str = "ask() { aws lambda invoke --function-name \"apprunner-autopilot-$1\" \
    --cli-binary-format raw-in-base64-out --payload \"$2\" /dev/stdout; }\n";

fn document(name: &str) -> Result<String> {
    std::fs::read_to_string(root().join(name)).with_context(|| name.to_owned())
}

/// The shell blocks of a document.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next())
}

/// Every `ask …` of a document, in a block or in a line, without what is done with its answer.
fn asks(text: &str) -> Vec<String> {
    let in_lines = text.split('`').filter(|code| code.starts_with("ask ") && !code.contains('\n'));
    let in_blocks = blocks(text).flat_map(str::lines).filter(|line| line.starts_with("ask "));
    let found =
        in_blocks.chain(in_lines).map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned());
    let mut found: Vec<_> = found.collect();
    found.sort();
    found.dedup();
    found
}

/// With real names for the document's placeholders.
fn filled(ask: &str, arn: &str) -> String {
    let ask = ask.replace("\"service_arn\":\"…\"", &format!("\"service_arn\":\"{arn}\""));
    ask.replace("\"record_name\":\"…\"", "\"record_name\":\"app.example.com\"")
}

/// Each command is understood: the answer is the function's own, and no complaint about the command.
pub(crate) async fn commands_work(account: &Account) -> Result<()> {
    let arn = account.apprunner.services().create(ServiceSpec::image("orders-api", IMAGE))?;
    let mut tried = 0;
    for name in DOCUMENTS {
        let text = document(name)?;
        for ask in asks(&text).iter().map(|ask| filled(ask, &arn)) {
            // A plan is the reader's own file.
            let ask = ask.replace("$(cat plan.json)", "$(cat events/shift/command-start-dry-run.json)");
            let printed = account.shell(&format!("{ASK}STACK={STACK}\nARN={arn}\n{ask}\n")).await;
            let printed = printed.with_context(|| format!("{name}: {ask}"))?;
            let answer = answer(&printed).with_context(|| format!("{name}: {ask}"))?;
            let complaint = answer["errors"]
                .as_array()
                .is_some_and(|errors| errors.iter().any(|error| error["field"].as_str() == Some("command")));
            ensure!(answer["ok"].is_boolean() && !complaint, "{name}: {ask}\n{answer:#}");
            tried += 1;
        }
    }
    ensure!(tried >= 25, "{tried} commands were found in the documents");
    Ok(())
}

/// Removes what `sam delete` left, by the commands of the section on it.
pub(crate) async fn uninstall(account: &Account) -> Result<()> {
    let text = document("docs/operations.md")?;
    let (_, section) = text.split_once("## Uninstall\n").context("there is a section on it")?;
    let last = blocks(section).last().context("it ends with commands")?;
    let ours = last.lines().filter(|line| !line.contains('…'));
    account.shell(&format!("STACK={STACK}\n{}\n", ours.collect::<Vec<_>>().join("\n"))).await.map(drop)
}
