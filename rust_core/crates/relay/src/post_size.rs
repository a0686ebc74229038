//! How many of the held messages go into the next POST.
//!
//! A poison message is found by halving. Of the messages of a rejected POST, the first half is posted.
//! Messages that pass are done; messages that are rejected are halved again, until a single message is
//! left.
//!
//! A POST that timed out is halved too, and later POSTs grow again. Otherwise a batch that never finishes
//! in time would block its handler without end.

#[derive(Debug)]
pub struct PostSize {
    batch: usize,
    /// Largest size of the next POST.
    limit: usize,
    /// The first `suspects` messages contain a poison message; 0: none is known.
    suspects: usize,
}

impl PostSize {
    pub fn new(batch: usize) -> PostSize {
        assert!(batch > 0);
        PostSize {
            batch,
            limit: batch,
            suspects: 0,
        }
    }
    /// The size of the next POST, from 1 to `available`.
    pub fn next(&self, available: usize) -> usize {
        assert!(available > 0);
        let size = match self.suspects {
            0 => self.limit,
            1 => 1,
            suspects => (suspects / 2).min(self.limit),
        };
        size.min(available).max(1)
    }
    /// Notes that the first `count` messages were handled or became dead letters.
    pub fn passed(&mut self, count: usize) {
        self.suspects = self.suspects.saturating_sub(count);
        self.limit = (self.limit * 2).min(self.batch);
    }
    /// Notes that a POST of `count` messages was rejected as poison. Returns whether it held only the
    /// poison message.
    pub fn poisoned(&mut self, count: usize) -> bool {
        self.suspects = count;
        count == 1
    }
    /// Notes that a POST of `count` messages timed out.
    pub fn timed_out(&mut self, count: usize) {
        self.limit = (count / 2).max(1);
    }
    /// Forgets the suspects: the held messages are other ones now.
    pub fn forget_suspects(&mut self) {
        self.suspects = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Posts messages 0..count to a function that rejects `poisons`. Returns the dead letters, the messages
    /// that passed, and the number of POSTs.
    fn run(count: usize, batch: usize, poisons: &[usize]) -> (Vec<usize>, Vec<usize>, usize) {
        let (mut post_size, mut next, mut posts) = (PostSize::new(batch), 0, 0);
        let (mut dead_letters, mut passed) = (Vec::new(), Vec::new());
        while next < count {
            let size = post_size.next(count - next);
            posts += 1;
            if !(next..next + size).any(|m| poisons.contains(&m)) {
                passed.extend(next..next + size);
                post_size.passed(size);
                next += size;
            } else if post_size.poisoned(size) {
                dead_letters.push(next);
                post_size.passed(1);
                next += 1;
            }
        }
        (dead_letters, passed, posts)
    }

    #[test]
    fn every_poison_message_is_found_and_all_others_pass_once_and_in_order() {
        for poisons in [
            vec![],
            vec![0],
            vec![99],
            vec![50],
            vec![3, 4],
            vec![0, 17, 18, 99],
            (0..100).collect(),
        ] {
            let (dead_letters, passed, _) = run(100, 32, &poisons);
            assert_eq!(dead_letters, poisons);
            let rest: Vec<usize> = (0..100).filter(|m| !poisons.contains(m)).collect();
            assert_eq!(passed, rest);
        }
    }

    #[test]
    fn halving_needs_few_posts() {
        let (_, _, without) = run(1024, 1024, &[]);
        assert_eq!(without, 1);
        for poison in 0..1024 {
            let (_, _, posts) = run(1024, 1024, &[poison]);
            assert!(posts <= 2 * 10 + 2, "{posts} posts for message {poison}");
        }
    }

    #[test]
    fn a_post_that_times_out_is_halved_and_later_posts_grow_again() {
        let mut post_size = PostSize::new(100);
        post_size.timed_out(100);
        assert_eq!(post_size.next(100), 50);
        post_size.timed_out(50);
        post_size.timed_out(1);
        assert_eq!(post_size.next(100), 1);
        for _ in 0..10 {
            post_size.passed(post_size.next(100));
        }
        assert_eq!(post_size.next(1000), 100);
    }
}
