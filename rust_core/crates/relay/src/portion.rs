//! How much of what is held is posted next.
//!
//! A poison is found by halving: of a portion that was refused the first half is posted; what passes is done, what is
//! refused is halved again, until one message stands alone. A portion that took too long is halved too, and grows again
//! as portions pass: a batch that never finishes in time would otherwise stand still for ever.

#[derive(Debug)]
pub struct Portion {
    batch: usize,
    /// The most that is posted now.
    limit: usize,
    /// So many at the front hold a poison; 0: none is known.
    suspects: usize,
}

impl Portion {
    pub fn new(batch: usize) -> Portion {
        assert!(batch > 0);
        Portion {
            batch,
            limit: batch,
            suspects: 0,
        }
    }
    /// Of so many that are there, how many to post; at least one.
    pub fn of(&self, there: usize) -> usize {
        assert!(there > 0);
        let wanted = match self.suspects {
            0 => self.limit,
            1 => 1,
            suspects => (suspects / 2).min(self.limit),
        };
        wanted.min(there).max(1)
    }
    /// So many were dealt with (or put aside).
    pub fn passed(&mut self, count: usize) {
        self.suspects = self.suspects.saturating_sub(count);
        self.limit = (self.limit * 2).min(self.batch);
    }
    /// So many were refused as poison; true when that is the one.
    pub fn poisoned(&mut self, count: usize) -> bool {
        self.suspects = count;
        count == 1
    }
    /// So many took too long.
    pub fn too_slow(&mut self, count: usize) {
        self.limit = (count / 2).max(1);
    }
    /// What is held is another stretch of the stream now.
    pub fn begin_anew(&mut self) {
        self.suspects = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Posts 0..count to a function that refuses the poisons; what was put aside, what passed, and how many posts.
    fn run(count: usize, batch: usize, poisons: &[usize]) -> (Vec<usize>, Vec<usize>, usize) {
        let (mut portion, mut at, mut posts) = (Portion::new(batch), 0, 0);
        let (mut aside, mut passed) = (Vec::new(), Vec::new());
        while at < count {
            let n = portion.of(count - at);
            posts += 1;
            if !(at..at + n).any(|m| poisons.contains(&m)) {
                passed.extend(at..at + n);
                portion.passed(n);
                at += n;
            } else if portion.poisoned(n) {
                aside.push(at);
                portion.passed(1);
                at += 1;
            }
        }
        (aside, passed, posts)
    }

    #[test]
    fn every_poison_is_found_all_else_passes_once_and_in_order() {
        for poisons in [
            vec![],
            vec![0],
            vec![99],
            vec![50],
            vec![3, 4],
            vec![0, 17, 18, 99],
            (0..100).collect(),
        ] {
            let (aside, passed, _) = run(100, 32, &poisons);
            assert_eq!(aside, poisons);
            let rest: Vec<usize> = (0..100).filter(|m| !poisons.contains(m)).collect();
            assert_eq!(passed, rest);
        }
    }

    #[test]
    fn halving_takes_few_posts() {
        let (_, _, without) = run(1024, 1024, &[]);
        assert_eq!(without, 1);
        for poison in 0..1024 {
            let (_, _, posts) = run(1024, 1024, &[poison]);
            assert!(posts <= 2 * 10 + 2, "{posts} posts for {poison}");
        }
    }

    #[test]
    fn what_is_too_slow_is_halved_and_grows_again() {
        let mut portion = Portion::new(100);
        portion.too_slow(100);
        assert_eq!(portion.of(100), 50);
        portion.too_slow(50);
        portion.too_slow(1);
        assert_eq!(portion.of(100), 1);
        for _ in 0..10 {
            portion.passed(portion.of(100));
        }
        assert_eq!(portion.of(1000), 100);
    }
}
