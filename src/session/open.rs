//! Opening a session: may this role come in, what are its settings, where is its own schema.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::portal::Portals;
use super::prepared::PreparedStatements;
use super::state::Values;
use super::{Session, Shared};
use crate::base::error::Report;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, ObjectId, Privilege, Role, Schema, SettingsOf, Snapshot};
use crate::database::{AdvisoryScope, Isolation, Transaction};
use crate::observe::Activity;
use crate::privileges;
use crate::statement::Effects;

impl Session {
    /// Opens a session for the activity's role, already authenticated. Makes the role's own schema
    /// at first login.
    /// `parameters` are the startup packet's run-time settings (`application_name`,
    /// `client_encoding`, those of
    /// `options`), in order.
    ///
    /// # Errors
    /// FATAL in the wire's hands: `28000` no login, `53300` connection limit, `3D000` no such
    /// database, `22023` bad setting.
    pub async fn open(
        shared: Arc<Shared>,
        activity: Arc<Activity>,
        database: &str,
        parameters: &[(String, String)],
    ) -> Result<Self> {
        let snapshot = shared.database.snapshot();
        let role = snapshot
            .role(activity.role)
            .ok_or_else(|| {
                Error::new(
                    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                    format!("role \"{}\" does not exist", activity.role_name),
                )
            })?
            .clone();
        check_admission(&shared, &snapshot, &role, &activity, database)?;
        make_own_schema(&shared, &snapshot, &role, &activity).await?;
        let mailbox = shared.database.hub().open(activity.id, role.oid);
        let mut session = Self {
            values: Values {
                settings: Arc::new(shared.settings.clone()),
                session_role: role.oid,
                role: None,
                start_role: None,
            },
            open: None,
            prepared: PreparedStatements::default(),
            portals: Portals::default(),
            mailbox,
            temporary_schema: None,
            on_commit: BTreeMap::new(),
            bodies: Vec::new(),
            changing: Vec::new(),
            pinned: None,
            variables: None,
            blocks: 0,
            atomic: false,
            loops: Vec::new(),
            handlers: 0,
            temporary: None,
            epoch: 0,
            running: None,
            statement_time: super::now(),
            derived: None,
            told: None,
            effects: Arc::new(Effects::default()),
            last_values: Arc::default(),
            random: Arc::default(),
            advisory: AdvisoryScope::new(shared.database.advisory(), activity.id, true),
            reports: Vec::new(),
            reported: HashMap::new(),
            shared,
            activity,
        };
        session.start_settings(&role, parameters)?;
        Ok(session)
    }

    /// Defaults, then what the catalog keeps, then what the client asked for: the later wins.
    fn start_settings(&mut self, role: &Role, parameters: &[(String, String)]) -> Result<()> {
        let mut settings = self.shared.settings.clone();
        let snapshot = self.shared.database.snapshot();
        let kept = [
            SettingsOf::Everybody,
            SettingsOf::Database,
            SettingsOf::Role(role.oid),
            SettingsOf::RoleHere(role.oid),
        ];
        for (name, value) in kept.iter().flat_map(|of| snapshot.settings_of(*of)) {
            let done = match name.as_str() {
                "role" => self.start_as(&snapshot, role, value),
                name => settings.set(name, value, true).map(drop),
            };
            // A setting stored in the catalog must not lock its role out: PostgreSQL warns, too.
            if let Err(error) = done {
                self.reports.push(Report {
                    level: crate::base::error::Level::Warning,
                    error,
                });
            }
        }
        for (name, value) in parameters {
            settings.set(name, value, role.superuser)?;
        }
        settings.mark_session_start();
        self.values.settings = Arc::new(settings);
        self.values.note_roles(&snapshot);
        self.note_application_name();
        Ok(())
    }
}

impl Session {
    /// Starts with the privileges of another role.
    ///
    /// # Errors
    /// `22023`; `42501` if `login` is no member of it.
    fn start_as(&mut self, snapshot: &Snapshot, login: &Role, name: &str) -> Result<()> {
        let refuse = |state, message| Err(Error::new(state, message));
        self.values.role = match snapshot.role_named(name) {
            _ if name == "none" => None,
            None => {
                let message = format!("role \"{name}\" does not exist");
                return refuse(SqlState::UNDEFINED_OBJECT, message);
            }
            Some(role) if privileges::is_member(snapshot, login.oid, role.oid) => Some(role.oid),
            Some(_) => {
                let message = format!("permission denied to set role \"{name}\"");
                return refuse(SqlState::INSUFFICIENT_PRIVILEGE, message);
            }
        };
        self.values.start_role = self.values.role;
        Ok(())
    }
}

fn check_admission(
    shared: &Shared,
    snapshot: &Snapshot,
    role: &Role,
    activity: &Activity,
    database: &str,
) -> Result<()> {
    if !role.login {
        return Err(Error::new(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            format!("role \"{}\" is not permitted to log in", role.name),
        ));
    }
    if database != snapshot.database().name {
        return Err(Error::new(
            SqlState::INVALID_CATALOG_NAME,
            format!("database \"{database}\" does not exist"),
        ));
    }
    if !privileges::has_privilege(snapshot, role.oid, ObjectId::Database, Privilege::Connect) {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied for database \"{database}\""),
        )
        .detail("User does not have CONNECT privilege."));
    }
    if let Ok(limit) = usize::try_from(role.connection_limit)
        && !role.superuser
    {
        let others = shared
            .sessions
            .all()
            .iter()
            .filter(|other| other.role == role.oid && other.id != activity.id)
            .count();
        if others >= limit {
            return Err(Error::new(
                SqlState::TOO_MANY_CONNECTIONS,
                format!("too many connections for role \"{}\"", role.name),
            ));
        }
    }
    Ok(())
}

/// Every role that logs in owns a schema of its own name, private at first. A schema that is there
/// already is left alone, whoever owns it. Nobody's permission is asked: the server gives it, even
/// where PUBLIC lost CREATE.
async fn make_own_schema(
    shared: &Shared,
    snapshot: &Snapshot,
    role: &Role,
    activity: &Activity,
) -> Result<()> {
    if snapshot.schema_named(&role.name).is_some() {
        return Ok(());
    }
    let mut transaction = Transaction::begin(
        &shared.database,
        Isolation::ReadCommitted,
        role.oid,
        activity.id,
        None,
    );
    transaction.refresh()?;
    let create = vec![Change::CreateSchema(Schema {
        oid: shared.database.new_oid(),
        name: role.name.clone(),
        owner: role.oid,
        acl: None,
        comment: None,
    })];
    let granted = privileges::authorize(transaction.view(), &[], create)?;
    let made = match transaction.push(granted) {
        Ok(()) => shared.database.commit(transaction).await.map(|_| ()),
        Err(error) => Err(error),
    };
    match made {
        // Another login of the same role was faster.
        Err(_)
            if shared
                .database
                .snapshot()
                .schema_named(&role.name)
                .is_some() =>
        {
            Ok(())
        }
        made => made,
    }
}
