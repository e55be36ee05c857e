//! Medians and percentiles.

/// The results of the baseline and of the server, a value a round.
pub struct Both<T> {
    /// Results of the baseline; empty without one.
    pub baseline: Vec<T>,
    /// Results of the server.
    pub server: Vec<T>,
}

impl<T> Both<T> {
    /// The medians of one number of the results.
    pub fn medians(&self, number: impl Fn(&T) -> f64 + Copy) -> (Option<f64>, f64) {
        let server = median(self.server.iter().map(number)).expect("there is at least one round");
        (median(self.baseline.iter().map(number)), server)
    }
}

/// The median; `None` of nothing.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    percentile(&mut values.collect::<Vec<_>>(), 0.5)
}

/// The value below which the given part of the values lies; sorts them. `None` of nothing.
pub fn percentile(values: &mut [f64], part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[(last as f64 * part).round() as usize])
}
