//! The flags that say which server a command speaks to. Every command that speaks to one has them.

use clap::Args;

use crate::client::{Api, Client};
use crate::failure::Failure;
use crate::printer::Printer;

/// Which server, and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServerArgs {
    /// URL of the server; wins over the environment
    // The published client has both names.
    #[arg(long, value_name = "URL", alias = "api-url", global = true)]
    pub(crate) api: Option<String>,

    /// Send the key over http to another machine, where others can read it
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
}

impl ServerArgs {
    /// The server and its key, from these flags and the environment.
    pub(crate) fn resolve(&self) -> Result<Api, Failure> {
        Api::resolve(self.api.as_deref(), self.insecure)
    }

    /// [`Self::resolve()`], or none where nothing names a server.
    pub(crate) fn find(&self) -> Result<Option<Api>, Failure> {
        Api::find(self.api.as_deref(), self.insecure)
    }

    /// A client of the server. Says so if the key is not sent to it.
    pub(crate) fn client(&self, printer: &Printer) -> Result<Client, Failure> {
        let api = self.resolve()?;
        if let Some(withheld) = api.withheld() {
            printer.warning(&withheld);
        }
        Client::new(api)
    }
}
