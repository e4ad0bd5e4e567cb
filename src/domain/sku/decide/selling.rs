//! How the SKU is sold, and what is said of it.

use super::{Draft, shelf};
use crate::domain::{
    decision::Verdict,
    event::{SkuConfigured, SkuDescribed},
    refusal::Refusal,
    sku::{
        SkuFact,
        ledger::Ledger,
        settings::Settings,
        stock::{StockChange, signed},
    },
};

type Judgement = Result<Verdict, Refusal>;

/// Changes the settings; units move into the safety stock or out of it.
pub(super) fn configured(draft: &mut Draft<'_>, event: &SkuConfigured) -> Judgement {
    let before = draft.state().head.settings;
    let after = before.configured(event);
    if after != before {
        draft.propose(SkuFact::Configured(after));
    }
    if after.safety_stock != before.safety_stock {
        keep_back(draft, u64::from(after.safety_stock));
    }
    Ok(Verdict::Accepted)
}

fn keep_back(draft: &mut Draft<'_>, safety_stock: u64) {
    for location in draft.locations() {
        let back = signed(draft.stock(&location).safety.saturating_sub(safety_stock));
        let change = StockChange { safety: -back, available: back, ..Default::default() };
        shelf::settle_keeping(draft, &location, change, safety_stock);
    }
}

/// The SKU is sold no more: what is promised stays promised, what happens is believed.
pub(super) fn retired(draft: &mut Draft<'_>) -> Judgement {
    let settings = draft.state().head.settings;
    if !settings.retired {
        draft.propose(SkuFact::Configured(Settings { retired: true, ..settings }));
    }
    Ok(Verdict::Accepted)
}

/// Sets attributes; others stay.
pub(super) fn described(draft: &mut Draft<'_>, event: &SkuDescribed) -> Judgement {
    draft.propose(SkuFact::Described { attributes: event.attributes.clone() });
    Ok(Verdict::Accepted)
}
