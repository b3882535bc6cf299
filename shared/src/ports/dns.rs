//! DNS: reading and changing a hosted zone's records.

use std::{collections::BTreeSet, future::Future};

use crate::{
    dns::{Batch, ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordName, RecordSet},
    error::PortError,
    mutation::Permit,
};

/// Reading a hosted zone.
pub trait DnsRead {
    /// The zone; `None` where there is none with this identifier.
    fn zone(&self, zone: &HostedZoneId) -> impl Future<Output = Result<Option<HostedZone>, PortError>>;
    /// Every record of these names, of all types, in the zone's order. A name without records adds none.
    ///
    /// Names of one zone are asked for together: they share the requests, of which an account has 5 a second.
    fn records(
        &self,
        zone: &HostedZoneId,
        names: &BTreeSet<RecordName>,
    ) -> impl Future<Output = Result<Vec<RecordSet>, PortError>>;
    /// How far a change has come.
    fn change_status(&self, change: &ChangeId) -> impl Future<Output = Result<ChangeStatus, PortError>>;
}

/// Reading whole zones, for whoever does not know which names to ask for.
pub trait ZoneRead {
    /// Every record of a zone, in its order, all pages.
    fn every_record(&self, zone: &HostedZoneId) -> impl Future<Output = Result<Vec<RecordSet>, PortError>>;
}

/// Changing a hosted zone.
pub trait DnsWrite {
    /// Makes all changes of a batch or none.
    ///
    /// Code `InvalidChangeBatch`: the records are not as the batch expects them, or it asks for what cannot be; the
    /// error's message holds every complaint. Code `PriorRequestNotComplete` or a throttling one: not now.
    fn change(
        &self,
        permit: &Permit,
        zone: &HostedZoneId,
        batch: &Batch,
    ) -> impl Future<Output = Result<ChangeId, PortError>>;
}
