//! What a plan must be like beyond its form.

use super::Plan;

/// No plan has more shoppers a second.
const ARRIVALS_MAX: f64 = 1e6;
/// No plan has more lines in a basket.
const LINES_MAX: usize = 20;
/// No plan takes longer, in seconds: a week.
const DURATION_MAX: f64 = 604_800.0;

/// What is wrong, as it is collected.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn expect(&mut self, is_so: bool, key: &str, found: impl std::fmt::Debug, expected: &str) {
        if !is_so {
            self.0.push(format!("  {key}: found {found:?}, expected {expected}"));
        }
    }

    fn share(&mut self, key: &str, found: f64) {
        self.expect((0.0..=1.0).contains(&found), key, found, "a share, from 0 to 1");
    }

    fn range(&mut self, key: &str, found: [f64; 2]) {
        let [least, most] = found;
        let is_range = least >= 0.0 && least <= most && most <= DURATION_MAX;
        self.expect(is_range, key, found, "seconds at least and at most, such as [0.5, 3]");
    }

    fn seconds(&mut self, key: &str, found: f64) {
        let is_span = (0.0..=DURATION_MAX).contains(&found);
        self.expect(is_span, key, found, "seconds, from 0 to 604800");
    }

    fn rate(&mut self, key: &str, found: f64) {
        self.expect((0.0..=ARRIVALS_MAX).contains(&found), key, found, "a second, 0 to 1000000");
    }
}

impl Plan {
    /// Everything that is wrong, a line each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Problems::default();
        let name = &self.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_name = (1..=40).contains(&name.len()) && name.chars().all(plain);
        problems.expect(is_name, "name", name, "1 to 40 letters, digits and -");
        if let Err(why) = self.shoppers_come().check(DURATION_MAX, ARRIVALS_MAX) {
            problems.0.push(format!("  arrivals: {why}"));
        }
        problems.seconds("settle_within_s", self.settle_within_s);
        // The last shopper thinks, orders, and does not pay.
        let unpaid_s = self.shoppers.think_s[1] + f64::from(self.payments.due_s);
        let all_pay = self.payments.fail + self.payments.never == 0.0;
        let is_enough = all_pay || self.settle_within_s > unpaid_s;
        let expected = format!(
            "more than {unpaid_s} s: shoppers.think_s and payments.due_s, for orders that nobody pays"
        );
        problems.expect(is_enough, "settle_within_s", self.settle_within_s, &expected);
        self.check_catalogue(&mut problems);
        self.check_people(&mut problems);
        self.check_warehouse(&mut problems);
        self.check_pods(&mut problems);
        self.check_level(&mut problems);
        problems.0
    }

    fn check_level(&self, problems: &mut Problems) {
        let of = &self.objectives;
        let is_asked = of.growth_max.is_some() || of.waits_growth_max.is_some();
        let (found, lasts) = (of.level_after_s, self.duration_s());
        let is_within = found.is_some_and(|from| (0.0..lasts).contains(&from));
        let expected = format!("seconds, less than the {lasts} s for which shoppers come");
        let key = "objectives.level_after_s";
        problems.expect(is_within || (!is_asked && found.is_none()), key, found, &expected);
    }

    fn check_catalogue(&self, problems: &mut Problems) {
        let of = &self.catalogue;
        let is_number = (1..=1_000_000).contains(&of.skus);
        problems.expect(is_number, "catalogue.skus", of.skus, "1 to 1000000");
        let is_some = of.hot_skus <= of.skus;
        problems.expect(is_some, "catalogue.hot_skus", of.hot_skus, "no more than catalogue.skus");
        let is_skew = (0.0..=5.0).contains(&of.skew);
        problems.expect(is_skew, "catalogue.skew", of.skew, "an exponent, from 0 to 5");
        problems.share("catalogue.hot_share", of.hot_share);
        problems.seconds("catalogue.hot_from_s", of.hot_from_s);
        let is_there = of.hot_share == 0.0 || of.hot_skus > 0;
        let expected = "at least 1 where catalogue.hot_share is above 0";
        problems.expect(is_there, "catalogue.hot_skus", of.hot_skus, expected);
    }

    fn check_people(&self, problems: &mut Problems) {
        let of = &self.shoppers;
        for (key, share) in [
            ("shoppers.carts", of.carts),
            ("shoppers.abandon", of.abandon),
            ("shoppers.release", of.release),
            ("shoppers.cancel", of.cancel),
            ("payments.fail", self.payments.fail),
            ("payments.never", self.payments.never),
            ("bots.share", self.bots.share),
            ("publishers.duplicates", self.publishers.duplicates),
            ("publishers.malformed", self.publishers.malformed),
        ] {
            problems.share(key, share);
        }
        let left = of.abandon + of.release;
        let expected = "no more than 1 together with shoppers.abandon";
        problems.expect(left <= 1.0, "shoppers.release", of.release, expected);
        let unpaid = self.payments.fail + self.payments.never;
        let expected = "no more than 1 together with payments.fail";
        problems.expect(unpaid <= 1.0, "payments.never", self.payments.never, expected);
        problems.range("shoppers.think_s", of.think_s);
        problems.range("payments.after_s", self.payments.after_s);
        let shares = &of.baskets;
        let is_list = (1..=LINES_MAX).contains(&shares.len())
            && shares.iter().all(|share| (0.0..=1.0).contains(share))
            && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6;
        problems.expect(is_list, "shoppers.baskets", shares, "1 to 20 shares that add up to 1");
        let is_time = (1..=86_400).contains(&of.cart_ttl_s);
        problems.expect(is_time, "shoppers.cart_ttl_s", of.cart_ttl_s, "seconds, 1 to 86400");
        let due = self.payments.due_s;
        let is_time = (1..=86_400).contains(&due);
        problems.expect(is_time, "payments.due_s", due, "seconds, 1 to 86400");
        let is_number = (1..=1_000).contains(&self.bots.holds);
        problems.expect(is_number, "bots.holds", self.bots.holds, "1 to 1000");
    }

    fn check_warehouse(&self, problems: &mut Problems) {
        let of = &self.warehouse;
        problems.share("warehouse.ships", of.ships);
        problems.share("warehouse.returns", of.returns);
        problems.range("warehouse.ships_after_s", of.ships_after_s);
        problems.rate("warehouse.restocks_per_s", of.restocks_per_s);
        problems.rate("warehouse.descriptions_per_s", of.descriptions_per_s);
        let is_number = of.tracking <= 100;
        problems.expect(is_number, "warehouse.tracking", of.tracking, "0 to 100");
        let is_number = (1..=1_000_000).contains(&of.restock_units);
        problems.expect(is_number, "warehouse.restock_units", of.restock_units, "1 to 1000000");
    }

    fn check_pods(&self, problems: &mut Problems) {
        let of = &self.pods;
        problems.expect((1..=16).contains(&of.count), "pods.count", of.count, "1 to 16");
        let is_number = (1..=1_024).contains(&of.partitions);
        problems.expect(is_number, "pods.partitions", of.partitions, "1 to 1024");
        for (key, value) in &of.settings {
            let is_plain = !value.is_table() && !value.is_array() && key.contains('.');
            problems.expect(is_plain, &format!("pods.settings.{key:?}"), value, "one value");
        }
        for (nth, fault) in self.faults.iter().enumerate() {
            let key = |name: &str| format!("faults[{nth}].{name}");
            let pods: Vec<String> = (1..=of.count).map(|pod| format!("pod-{pod}")).collect();
            let is_there =
                ["nats", "redis"].contains(&fault.of.as_str()) || pods.contains(&fault.of);
            let expected = format!("nats, redis, or one of {}", pods.join(", "));
            problems.expect(is_there, &key("of"), &fault.of, &expected);
            problems.seconds(&key("for_s"), fault.for_s);
            let is_in = (0.0..=self.duration_s()).contains(&fault.at_s);
            problems.expect(is_in, &key("at_s"), fault.at_s, "a time at which shoppers come");
            let same = self.faults.iter().take(nth).any(|before| {
                before.of == fault.of
                    && before.at_s < fault.at_s + fault.for_s
                    && fault.at_s < before.at_s + before.for_s
            });
            let expected = "a time at which the same is not broken already";
            problems.expect(!same, &key("at_s"), fault.at_s, expected);
        }
    }
}
