//! Who may do what. Pure: a snapshot, a role and a need in; yes or PostgreSQL's 42501 out.
//!
//! [`authorize`] is the only function that makes an [`Authorized`], and only an `Authorized` value can be executed or
//! committed.

mod authorize;
mod grant;
mod needs;
mod path;
mod roles;

pub use authorize::{Authorized, authorize, has_privilege, may_see};
pub use grant::{default_acl, grant, revoke};
pub use needs::{Need, needs_of};
pub use path::search_path;
pub use roles::{has_privileges_of, is_member, privileges_roles};
