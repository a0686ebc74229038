//! The oracle's §11: how long request keys are kept.

use super::*;

impl Oracle {
    pub fn first_result(&self, key: u128) -> Option<FirstResult> {
        self.keys.get(&key).map(|known| known.first)
    }
    /// Keys dropped in the last command.
    pub fn dropped(&self) -> &[u128] {
        &self.dropped
    }
    pub fn keys(&self) -> impl Iterator<Item = u128> + '_ {
        self.keys.keys().copied()
    }

    /// Bounds the keys of each account (R11.6). The engine must have the same bound.
    pub fn bound_keys(&mut self, per_account: usize) {
        self.keys_per_account = per_account;
    }

    /// R11.6: the oldest key of the account makes place for a new one.
    pub(crate) fn make_place(&mut self, account: usize) {
        let own: Vec<(CommandSequence, u128)> = self
            .keys
            .iter()
            .filter(|(_, known)| known.account == account)
            .map(|(key, known)| (known.first.sequence, *key))
            .collect();
        if self.keys_per_account > 0 && own.len() >= self.keys_per_account {
            let (_, oldest) = own.into_iter().min().expect("the account has keys");
            self.keys.remove(&oldest);
            self.dropped.push(oldest);
            for order in self.orders.values_mut().filter(|order| order.key == Some(oldest)) {
                order.key = None;
            }
        }
    }

    pub(crate) fn drop_expired_keys(&mut self) {
        for _ in 0..KEYS_DROPPED_PER_COMMAND {
            let oldest = self
                .keys
                .iter()
                .filter_map(|(key, known)| known.expires.map(|expires| (expires, *key)))
                .filter(|((at, _), _)| *at <= self.now)
                .min();
            match oldest {
                Some((_, key)) => {
                    self.keys.remove(&key);
                    self.dropped.push(key);
                }
                None => return,
            }
        }
    }

    pub(crate) fn start_expiry(&mut self, key: u128) {
        self.expiry_count += 1;
        let expires = Some((self.now.saturating_add(DAY_NS), self.expiry_count));
        self.keys
            .get_mut(&key)
            .expect("the key of an open order is stored")
            .expires = expires;
    }
}
