//! The state store's conditional writes under parallel invocations, against a DynamoDB that others wrote. (moto's are
//! no use here: its conditional writes are not atomic between parallel requests.)

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Result;
use autopilot::store::{self, Item, Key, Record, StateRead as _, StateWrite as _, Written};
use autopilot_aws::dynamodb::Table;
use autopilot_tests::emulator::Emulator;
use futures_util::future::join_all;
use serde_json::json;

use crate::sdk;

const TABLE: &str = "state";

/// How many write at once, and how often.
const WRITERS: u32 = 16;
const ROUNDS: u32 = 25;

async fn ministack() -> Result<(Emulator, Vec<Arc<Table>>)> {
    let ministack = Emulator::ministack_with("dynamodb", &[]).await?;
    let script = "key = lambda n, k: {'AttributeName': n, 'KeyType': k}\n\
        client('dynamodb').create_table(TableName='state', BillingMode='PAY_PER_REQUEST', \
        KeySchema=[key('pk', 'HASH'), key('sk', 'RANGE')], \
        AttributeDefinitions=[{'AttributeName': n, 'AttributeType': 'S'} for n in ('pk', 'sk')])\n\
        print('true')\n";
    ministack.seed(script).await?;
    let mut tables = Vec::new();
    for _ in 0..WRITERS {
        // Each with connections of its own, as processes have them.
        tables.push(Arc::new(Table::new(&sdk(ministack.endpoint())?, TABLE)));
    }
    Ok((ministack, tables))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writes_over_one_version_exactly_one_is_taken() -> Result<()> {
    let (_ministack, tables) = ministack().await?;
    let key = Key::new("rollback", "case of many");
    for version in 1..=u64::from(ROUNDS) {
        let item = |writer| Item {
            version,
            state: json!({ "writer": writer }),
            pending: json!([]),
            expires_at: None,
        };
        let puts = tables.iter().enumerate().map(|(writer, table)| {
            let (table, key, item) = (table.clone(), key.clone(), item(writer));
            tokio::spawn(async move { (writer, table.put(&key, &item).await) })
        });
        let mut winners = Vec::new();
        for put in join_all(puts).await {
            let (writer, written) = put?;
            if written? == Written::Yes {
                winners.push(writer);
            }
        }
        assert_eq!(winners.len(), 1, "version {version} was written by {winners:?}");
        let stored = tables[0].get(&key).await?.map(|item| (item.version, item.state));
        assert_eq!(stored, Some((version, json!({ "writer": winners[0] }))));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_parallel_invocations_is_lost() -> Result<()> {
    type Seen = Record<BTreeSet<(u32, u32)>, ()>;
    let (_ministack, tables) = ministack().await?;
    let key = Key::new("notify", "subject of many");
    let writers = (0..WRITERS).zip(tables.clone()).map(|(writer, table)| {
        let key = key.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let insert = |record: &mut Seen| record.state.insert((writer, round));
                // An invocation that loses every race fails, and Lambda repeats it.
                while store::update(&*table, key.clone(), insert).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer?;
    }
    let record: Seen = Record::load(&*tables[0], key).await?;
    assert_eq!(record.state.len(), usize::try_from(WRITERS * ROUNDS)?, "every change is there");
    assert!(record.version >= u64::from(WRITERS * ROUNDS), "each was a write of its own");
    Ok(())
}
