//! Records of a realistic flow: ids, keys and traces are random, as in an exchange.
use cift_engine::{AccountId, Command, Engine, Event, Outcome, Request};
use cift_sim::random::Random;
use cift_sim::workload::{market_maker, MarketMaker};
use cift_wire::{record_message, Entry, Header, Meta};

/// A record's message and the number of its commands.
pub struct Sample {
    pub header: Header,
    pub applied: Vec<(Command, Outcome, Vec<Event>)>,
    pub traces: Vec<(u128, u64)>,
}

impl Sample {
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        self.applied
            .iter()
            .zip(&self.traces)
            .map(|((command, outcome, events), &(trace, span))| Entry {
                meta: Meta {
                    trace,
                    span,
                    expires_at: 0,
                    client_order_id: "",
                },
                command,
                outcome,
                events,
            })
    }

    pub fn message(&self) -> Vec<u8> {
        record_message(&self.header, self.entries())
    }
}

fn wide(random: &mut Random) -> u128 {
    u128::from(random.draw()) << 64 | u128::from(random.draw())
}

/// The flow of the benchmark of the engine, in records of `batch` commands.
pub fn samples(batch: usize, seed: u64, commands: usize) -> Vec<Sample> {
    let of = MarketMaker {
        accounts: 64,
        commands,
        seed,
        keys: true,
    };
    let (setup, flow) = market_maker(of);
    let mut random = Random::new(seed ^ 0xf10);
    let accounts: Vec<AccountId> = (0..64).map(|_| AccountId(wide(&mut random))).collect();
    let mut engine = Engine::new();
    let mut sequence = 0;
    let mut apply = |at: i64, command: &Command, random: &mut Random| {
        let mut command = *command;
        make_realistic(&mut command, &accounts, random);
        let mut events = Vec::new();
        let outcome = engine.apply(sequence + 1, at, &command, &mut events);
        let left = engine.left_a_trace();
        sequence += u64::from(left);
        left.then_some((command, outcome, events))
    };
    for (at, command) in &setup {
        apply(*at, command, &mut random).expect("a setup command is journaled");
    }
    let mut first_command = setup.len() as u64 + 1;
    let records = flow.chunks(batch).map(|chunk| {
        let at = chunk[chunk.len() - 1].0;
        let commands = chunk.iter();
        let applied: Vec<_> = commands
            .filter_map(|(_, command)| apply(at, command, &mut random))
            .collect();
        let header = Header {
            format: 1,
            rules: 2,
            epoch: 1,
            previous_hash: std::array::from_fn(|_| random.draw() as u8),
            state_hash: None,
            timestamp: at,
            first_command,
        };
        first_command += applied.len() as u64;
        let traces = applied.iter().map(|_| (wide(&mut random), random.draw())).collect();
        Sample {
            header,
            applied,
            traces,
        }
    });
    records.filter(|record| !record.applied.is_empty()).collect()
}

fn make_realistic(command: &mut Command, accounts: &[AccountId], random: &mut Random) {
    let mut change = |account: &mut AccountId, request: &mut Option<Request>| {
        // The benchmark numbers its accounts from 100.
        *account = accounts[(account.0 - 100) as usize];
        if let Some(request) = request {
            request.body = wide(random);
            request.key = wide(random);
        }
    };
    match command {
        Command::PlaceOrder(order) => change(&mut order.account, &mut order.request),
        Command::CancelOrder { account, request, .. } | Command::Deposit { account, request, .. } => {
            change(account, request);
        }
        Command::OpenAccount { account, .. } | Command::SetLimits { account, .. } => change(account, &mut None),
        _ => {}
    }
}
