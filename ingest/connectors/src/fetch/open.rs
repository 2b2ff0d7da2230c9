//! The fetchers that the settings ask for.

use std::sync::Arc;

use edge::http::BuildError;

use super::budget::Budget;
use super::driver::Fetcher;
use super::plan::Plan;
use crate::garmin::client::GarminClient;
use crate::port::{Budgets, HintFeed, Marks, RegistryError};
use crate::receive::Connectors;
use crate::strava::client::StravaClient;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Client(#[from] BuildError),
    #[error("what was used of the budget cannot be read")]
    Budget(#[from] RegistryError),
}

impl Fetcher {
    /// `None` where Strava is not configured. It blocks for a moment.
    pub fn strava(
        connectors: &Connectors,
        feed: Box<dyn HintFeed>,
        marks: Arc<dyn Marks>,
        budgets: Arc<dyn Budgets>,
    ) -> Result<Option<Self>, OpenError> {
        let Some(settings) = &connectors.settings.strava else {
            return Ok(None);
        };
        let budget = Budget::strava(&budgets.used("strava/")?);
        let plan = Plan::new(budget, settings.streams);
        let client = Arc::new(StravaClient::new(connectors, settings.clone())?);
        let connectors = connectors.clone();
        Ok(Some(Self::new(
            connectors, client, plan, feed, marks, budgets,
        )))
    }

    /// `None` where Garmin is not configured.
    pub fn garmin(
        connectors: &Connectors,
        feed: Box<dyn HintFeed>,
        marks: Arc<dyn Marks>,
        budgets: Arc<dyn Budgets>,
    ) -> Result<Option<Self>, OpenError> {
        let Some(settings) = &connectors.settings.garmin else {
            return Ok(None);
        };
        let plan = Plan::new(Budget::unlimited(), false);
        let allowed = settings.callback_hosts.clone();
        let client = Arc::new(GarminClient::new(connectors, allowed)?);
        let connectors = connectors.clone();
        Ok(Some(Self::new(
            connectors, client, plan, feed, marks, budgets,
        )))
    }
}
