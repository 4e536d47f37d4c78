//! How many requests, at once, from how many processes.

use crate::args::DemoArgs;

const PROCESSES: u32 = 4;
const MOST_AT_ONCE: u32 = 1000;

#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) requests: u32,
    /// The requests that meet the expired token together: all these are under way before the first is answered.
    pub(crate) at_once: u32,
    pub(crate) processes: u32,
}

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) requests: u32,
    pub(crate) at_once: u32,
}

impl Plan {
    pub(crate) fn new(args: &DemoArgs) -> Self {
        let at_once = args.concurrency.unwrap_or(MOST_AT_ONCE).min(args.requests).max(1);
        Self { requests: args.requests, at_once, processes: PROCESSES.min(at_once) }
    }

    /// As even as whole numbers allow.
    pub(crate) fn shares(&self) -> impl Iterator<Item = Share> {
        let plan = *self;
        let part =
            move |whole: u32, place: u32| whole / plan.processes + u32::from(place < whole % plan.processes);
        (0..plan.processes).map(move |place| Share {
            requests: part(plan.requests, place),
            at_once: part(plan.at_once, place),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_add_up_and_nobody_is_idle() {
        for (requests, concurrency) in
            [(1000, None), (1, None), (3, Some(2)), (7, Some(100)), (10_003, Some(17))]
        {
            let plan = Plan::new(&DemoArgs { requests, concurrency });
            let shares: Vec<_> = plan.shares().collect();
            assert_eq!(shares.iter().map(|share| share.requests).sum::<u32>(), requests);
            assert_eq!(shares.iter().map(|share| share.at_once).sum::<u32>(), plan.at_once);
            assert!(
                shares.iter().all(|share| share.at_once > 0 && share.requests >= share.at_once),
                "{shares:?}"
            );
        }
    }
}
