//! Two things in turns, and the median of their ratios: what else the machine does falls on both.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    /// Processor time of this process (or thread, where that is said), in user and kernel.
    pub(crate) cpu: Duration,
}

/// How one thing compares to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    /// Processor time of one operation of each, in nanoseconds.
    pub(crate) ns: (f64, f64),
}

/// Runs both `rounds` times, changing who goes first, after one round that does not count.
pub(crate) fn compared(
    rounds: usize,
    operations: usize,
    mut ours: impl FnMut() -> Took,
    mut theirs: impl FnMut() -> Took,
) -> Compared {
    ours();
    theirs();
    let pairs: Vec<(Took, Took)> = (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let first = ours();
                (first, theirs())
            } else {
                let first = theirs();
                (ours(), first)
            }
        })
        .collect();
    let ratio = |of: fn(&Took) -> Duration| median(pairs.iter().map(|(a, b)| of(a).div_duration_f64(of(b))));
    let each = |took: &Took| took.cpu.as_nanos() as f64 / operations as f64;
    Compared {
        wall: ratio(|took| took.wall),
        cpu: ratio(|took| took.cpu),
        ns: (median(pairs.iter().map(|(a, _)| each(a))), median(pairs.iter().map(|(_, b)| each(b)))),
    }
}

/// What it takes this process, all threads.
pub(crate) fn by_process(work: impl FnOnce()) -> Took {
    timed(ClockId::ProcessCPUTime, work)
}

/// What it takes this thread.
pub(crate) fn by_thread(work: impl FnOnce()) -> Took {
    timed(ClockId::ThreadCPUTime, work)
}

fn timed(clock: ClockId, work: impl FnOnce()) -> Took {
    let (began, cpu) = (Instant::now(), cpu_time(clock));
    work();
    Took { wall: began.elapsed(), cpu: cpu_time(clock).saturating_sub(cpu) }
}

fn cpu_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
