//! `cift-bench-abi`: our book and engine, and any other engine with the same C ABI, on five scenarios.
//!
//! ```text
//! cift-bench-abi [--library libcift_abi.so] [--rival NAME=FILE.so]… [--orders N] [--rounds N] [--seed N]
//!                [--workload NAME=FILE]… [--only NAME]
//! ```
//!
//! Every contestant gets the same messages in the same process, in turn within each round. A figure is messages per
//! second of the thread's CPU time, so another process on the machine has less influence; the median of the rounds.
//! Reports are copied into a buffer. Before the rounds, one pass of each contestant is compared: all must give the same
//! reports. `--workload` reads files of the public benchmark's generator in place of our scenarios.

use cift_abi::abi::{Report, Transport};
use cift_abi::scenario::{generate, read, Functions, Message, SCENARIOS};
use std::ffi::{c_char, c_int, c_void, CString};
use std::process::exit;

extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn clock_gettime(clock: c_int, out: *mut [i64; 2]) -> c_int;
}

const RTLD_NOW: c_int = 2;
const CLOCK_THREAD_CPUTIME_ID: c_int = 3;

fn cpu_ns() -> i64 {
    let mut time = [0i64; 2];
    // SAFETY: `timespec` is two 64-bit integers on the platforms that we build for.
    unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time[0] * 1_000_000_000 + time[1]
}

fn fail(message: &str) -> ! {
    eprintln!("cift-bench-abi: {message}");
    exit(2)
}

fn load(path: &str) -> Functions {
    let file = CString::new(path).unwrap_or_default();
    // SAFETY: the libraries are those that the caller named; the types are those of the ABI.
    unsafe {
        let library = dlopen(file.as_ptr(), RTLD_NOW);
        if library.is_null() {
            fail(&format!("{path} cannot be loaded"));
        }
        let find = |name: &str| {
            let symbol = CString::new(name).unwrap_or_default();
            let found = dlsym(library, symbol.as_ptr());
            if found.is_null() {
                fail(&format!("{path} has no function {name}"));
            }
            found
        };
        Functions {
            init: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(u64, *const Transport, *mut c_void)>(find(
                "engine_init",
            )),
            shutdown: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(find("engine_shutdown")),
            new_order: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const cift_abi::abi::NewOrder)>(find(
                "engine_on_new_order",
            )),
            cancel: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const cift_abi::abi::Cancel)>(find(
                "engine_on_cancel",
            )),
            modify: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const cift_abi::abi::Modify)>(find(
                "engine_on_modify",
            )),
            flush: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(find("engine_flush")),
        }
    }
}

/// Reports of a pass. While `keep` is false the buffer is used again from its start.
struct Sink {
    reports: Vec<Report>,
    count: usize,
    keep: bool,
}

const RING: usize = 1 << 12;

unsafe extern "C" fn push(sink: *mut c_void, report: *const Report) -> i32 {
    // SAFETY: `sink` is the `Sink` that was given to `engine_init`, and no one else uses it during a call.
    let (sink, report) = unsafe { (&mut *sink.cast::<Sink>(), *report) };
    if sink.keep {
        sink.reports.push(report);
    } else {
        sink.reports[sink.count % RING] = report;
    }
    sink.count += 1;
    1
}
unsafe extern "C" fn create(_: u32) -> *mut c_void {
    std::ptr::null_mut()
}
unsafe extern "C" fn drain(_: *mut c_void, _: *mut Report, _: u32) -> u32 {
    0
}
unsafe extern "C" fn nothing(_: *mut c_void) {}

const TRANSPORT: Transport = Transport {
    create,
    push,
    drain,
    flush: nothing,
    destroy: nothing,
};

struct Contestant {
    name: String,
    mode: &'static str,
    functions: Functions,
}

impl Contestant {
    /// One pass. Returns CPU nanoseconds.
    fn run(&self, messages: &[Message], sink: &mut Sink) -> i64 {
        std::env::set_var("CIFT_ABI", self.mode);
        let handle = std::ptr::from_mut(sink).cast::<c_void>();
        // SAFETY: the calls are in the order of the ABI, in one thread.
        unsafe {
            (self.functions.init)(1, &TRANSPORT, handle);
            let start = cpu_ns();
            self.functions.send(messages);
            let spent = cpu_ns() - start;
            (self.functions.shutdown)();
            spent
        }
    }

    /// The reports of a pass. Within a message an acknowledgement may come before or after its trades.
    fn reports(&self, messages: &[Message]) -> Vec<Report> {
        let mut sink = Sink {
            reports: Vec::with_capacity(messages.len() * 2),
            count: 0,
            keep: true,
        };
        self.run(messages, &mut sink);
        sink.reports.sort_by_key(|report| (report.sequence, report.kind));
        sink.reports
    }
}

fn argument(arguments: &[String], name: &str) -> Vec<String> {
    let given = arguments.iter().enumerate().filter(|(_, argument)| *argument == name);
    given.filter_map(|(at, _)| arguments.get(at + 1).cloned()).collect()
}

fn number(arguments: &[String], name: &str, default: usize) -> usize {
    match argument(arguments, name).first() {
        None => default,
        Some(text) => text.parse().unwrap_or_else(|_| fail(&format!("{name} needs a number"))),
    }
}

fn named(text: &str) -> (String, String) {
    let (name, file) = text
        .split_once('=')
        .unwrap_or_else(|| fail(&format!("{text} is not NAME=FILE")));
    (name.into(), file.into())
}

fn workloads(arguments: &[String]) -> Vec<(String, Vec<Message>)> {
    let files = argument(arguments, "--workload");
    if !files.is_empty() {
        let loaded = files.iter().map(|text| {
            let (name, file) = named(text);
            let bytes = std::fs::read(&file).unwrap_or_else(|error| fail(&format!("{file}: {error}")));
            let messages = read(&bytes).unwrap_or_else(|| fail(&format!("{file} is not a workload")));
            (name, messages)
        });
        return loaded.collect();
    }
    let (orders, seed) = (
        number(arguments, "--orders", 1_000_000),
        number(arguments, "--seed", 23),
    );
    let ours = SCENARIOS.iter();
    ours.map(|(name, ppm)| ((*name).into(), generate(*ppm, orders, seed as u64)))
        .collect()
}

fn contestants(arguments: &[String]) -> Vec<Contestant> {
    let beside = std::env::current_exe().map(|path| path.with_file_name("libcift_abi.so"));
    let library = argument(arguments, "--library").first().cloned().unwrap_or_else(|| {
        beside.map_or_else(
            |error| fail(&error.to_string()),
            |path| path.to_string_lossy().into_owned(),
        )
    });
    let only = argument(arguments, "--only");
    let ours = [
        ("book alone", "book"),
        ("engine with risk", "engine"),
        ("engine with risk and keys", "keys"),
        ("book of BTreeMaps", "btree"),
    ];
    let functions = load(&library);
    let mut all: Vec<Contestant> = ours
        .into_iter()
        .map(|(name, mode)| Contestant {
            name: name.into(),
            mode,
            functions,
        })
        .collect();
    for text in argument(arguments, "--rival") {
        let (name, file) = named(&text);
        all.push(Contestant {
            name,
            mode: "book",
            functions: load(&file),
        });
    }
    all.retain(|contestant| only.is_empty() || only.contains(&contestant.name));
    all
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = number(&arguments, "--rounds", 3).max(1);
    let contestants = contestants(&arguments);
    let Some(baseline) = contestants.last() else {
        fail("--only names no contestant")
    };
    println!(
        "million messages per second of CPU time, median of {rounds} rounds; × is the ratio to {}",
        baseline.name
    );
    print!("{:<28}", "");
    let workloads = workloads(&arguments);
    for (name, _) in &workloads {
        print!("{name:>18}");
    }
    println!();
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); contestants.len()];
    for (name, messages) in &workloads {
        let expected = contestants[0].reports(messages);
        for contestant in &contestants[1..] {
            if contestant.reports(messages) != expected {
                fail(&format!(
                    "{name}: {} and {} give other reports",
                    contestant.name, contestants[0].name
                ));
            }
        }
        drop(expected);
        let mut spent: Vec<Vec<i64>> = vec![Vec::new(); contestants.len()];
        let mut sink = Sink {
            reports: vec![Report::default(); RING],
            count: 0,
            keep: false,
        };
        for _ in 0..rounds {
            for (contestant, spent) in contestants.iter().zip(&mut spent) {
                spent.push(contestant.run(messages, &mut sink));
            }
        }
        for (spent, row) in spent.iter_mut().zip(&mut rows) {
            spent.sort_unstable();
            row.push(messages.len() as f64 * 1_000.0 / spent[rounds / 2] as f64);
        }
    }
    let last = rows.last().cloned().unwrap_or_default();
    for (contestant, row) in contestants.iter().zip(&rows) {
        print!("{:<28}", contestant.name);
        for (figure, base) in row.iter().zip(&last) {
            print!("{:>10.2} {:>6.2}×", figure, figure / base);
        }
        println!();
    }
}
