//! Whatever Lambda hands to a function: mutated samples of every function through all five handlers, down to the wire.

use std::fs;

use anyhow::{Result, ensure};
use autopilot_tests::root;
use fastrand::Rng;
use serde_json::Value;
use tokio::task::LocalSet;

#[path = "../hostile/mutate.rs"]
mod mutate;

use crate::{
    lambda::{Ended, FUNCTIONS},
    world::{Terms, World},
};

fn samples() -> Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for function in ["notify", "rollback", "rebuild", "shift", "cleanup"] {
        for entry in fs::read_dir(root().join("events").join(function))? {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    Ok(paths.iter().map(fs::read).collect::<Result<_, _>>()?)
}

/// Sends so many payloads and returns how many were answered, and how many refused.
pub(crate) fn send(seed: u64, inputs: u64) -> Result<(u64, u64)> {
    let samples = samples()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, async {
        let world = World::new(seed, Terms { fair: true, ..Terms::default() }).await?;
        let arn = world.arn("orders");
        let mut rng = Rng::with_seed(seed);
        let (mut answered, mut refused) = (0, 0);
        while answered + refused < inputs {
            let input = mutate::mutated(&mut rng, &samples);
            // What is no JSON the runtime refuses by itself.
            let Ok(text) = String::from_utf8(input) else { continue };
            let ours = text.replace("arn:aws:apprunner:us-east-1:123456789012:service/orders-api", &arn);
            let Ok(payload) = serde_json::from_str::<Value>(&ours) else { continue };
            let function = FUNCTIONS[rng.usize(0..FUNCTIONS.len())];
            match world.lambda.ask(function, &payload).await {
                Ended::Answered(answer) => {
                    ensure!(answer["ok"].is_boolean(), "{function} answered {answer} to {payload}");
                    answered += 1;
                }
                Ended::Failed(failure) => {
                    ensure!(failure.starts_with("Permanent: "), "{function}: {failure} to {payload}");
                    refused += 1;
                }
                Ended::Died => anyhow::bail!("{function} ran out of time over {payload}"),
            }
        }
        Ok((answered, refused))
    })
}
