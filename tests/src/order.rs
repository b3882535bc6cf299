//! Orders that look random and are the same at every run.

/// The items in the order that this seed gives: Fisher and Yates' shuffle by a `SplitMix64` generator
/// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    for last in (1..items.len()).rev() {
        let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let other = usize::try_from(next() % bound).unwrap_or(0);
        items.swap(last, other);
    }
    items
}
