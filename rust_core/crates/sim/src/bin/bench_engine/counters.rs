//! Instruments of the benchmark: a time stamp counter, and an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Counts the allocations of the hot path.
pub(crate) struct Counting;
pub(crate) static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to `System` unchanged; the counter has no influence on what is returned.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
pub(crate) static GLOBAL: Counting = Counting;

#[cfg(target_arch = "x86_64")]
pub(crate) fn ticks() -> u64 {
    // SAFETY: reads a counter that every x86-64 processor has.
    unsafe { core::arch::x86_64::_rdtsc() }
}
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn ticks() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Nanoseconds per tick, and the median cost of reading the timer in nanoseconds.
pub(crate) fn calibrate() -> (f64, f64) {
    let (wall, start) = (Instant::now(), ticks());
    while wall.elapsed().as_millis() < 200 {
        std::hint::spin_loop();
    }
    let per_tick = wall.elapsed().as_nanos() as f64 / (ticks() - start) as f64;
    let mut costs: Vec<u64> = (0..10_001).map(|_| ticks().abs_diff(ticks())).collect();
    costs.sort_unstable();
    (per_tick, costs[costs.len() / 2] as f64 * per_tick)
}
