//! The wire between the functions' AWS clients and the account: no socket, but time, faults and death.
//!
//! Every call waits for its share of virtual time on the way there and on the way back. So calls of invocations that
//! run at the same time interleave, in another order under every seed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;
use autopilot_aws::sdk::configuration;
use autopilot_tests::environment;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use sandbox::aws::Door;
use tokio::{sync::Notify, time::sleep};

use crate::faults::{Death, Sky};

tokio::task_local! {
    /// The invocation that this task works for.
    pub(crate) static INVOCATION: Arc<Invocation>;
}

/// One run of a function, as far as it can be killed.
#[derive(Debug, Default)]
pub(crate) struct Invocation {
    dead: AtomicBool,
    died: Notify,
}

impl Invocation {
    /// Comes back when the invocation is to die.
    pub(crate) async fn death(&self) {
        self.died.notified().await;
    }

    async fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
        std::future::pending::<()>().await;
    }
}

/// A connector that leads into the account.
#[derive(Clone)]
struct Wire {
    door: Door,
    sky: Sky,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (door, fate) = (self.door.clone(), self.sky.fate());
        let invocation = INVOCATION.try_with(Arc::clone).unwrap_or_default();
        HttpConnectorFuture::new(async move {
            sleep(fate.there).await;
            if fate.death == Some(Death::BeforeWork) {
                invocation.die().await;
            }
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let body = request.body().bytes().unwrap_or_default().to_vec();
            let answer = door.answer(request.map(|_| body.as_slice()), fate.fault).await;
            if fate.death == Some(Death::BeforeAnswer) {
                invocation.die().await;
            }
            sleep(fate.back).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from))
                .map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

/// The SDK's configuration for a function: the runtime's own, but over the wire. Its name is its access key.
pub(crate) fn sdk(function: &str, door: &Door, sky: &Sky) -> Result<SdkConfig> {
    let wire = SharedHttpConnector::new(Wire { door: door.clone(), sky: sky.clone() });
    let mut environment = environment("http://account.invalid");
    environment.insert("AWS_ACCESS_KEY_ID".to_owned(), function.to_owned());
    let sdk = configuration(&environment)?.into_builder();
    Ok(sdk.http_client(http_client_fn(move |_, _| wire.clone())).build())
}
