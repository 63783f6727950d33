//! The kinds of logs that a location can name. A new kind is a file with a [`Backend`], and a line in
//! [`Registry::default`].

use super::backend::Backend;
use super::location::Location;
use super::open_error::OpenError;

/// The kinds of logs that a program knows.
pub struct Registry(Vec<Box<dyn Backend>>);

impl Default for Registry {
    /// Every kind that was compiled in.
    fn default() -> Self {
        Self(vec![
            #[cfg(feature = "sled")]
            Box::new(super::directories::Directories),
            Box::new(super::memory::Memories::default()),
        ])
    }
}

impl Registry {
    /// Adds a kind of log, in place of an earlier one of the same scheme.
    #[must_use]
    pub fn with(mut self, backend: impl Backend + 'static) -> Self {
        self.0.insert(0, Box::new(backend));
        self
    }

    /// The backend for a location.
    ///
    /// # Errors
    /// [`OpenError::UnknownScheme`]
    pub fn of(&self, at: &Location) -> Result<&dyn Backend, OpenError> {
        let mut backends = self.0.iter();
        let found = backends.find(|backend| backend.scheme() == at.scheme());
        found
            .map(|backend| &**backend)
            .ok_or_else(|| OpenError::UnknownScheme {
                location: at.clone(),
                known: self
                    .0
                    .iter()
                    .map(|known| format!("{}:", known.scheme()))
                    .collect(),
            })
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let schemes = self.0.iter().map(|backend| backend.scheme());
        f.debug_list().entries(schemes).finish()
    }
}

#[cfg(test)]
mod tests;
