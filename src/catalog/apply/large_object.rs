//! Large objects: created, written, gone.

use std::sync::Arc;

use super::super::large_object::{duplicate_large_object, missing_large_object};
use super::super::{LargeObject, Snapshot};
use super::concurrent_update;
use crate::base::{Oid, Result};

impl Snapshot {
    pub(super) fn create_large_object(&mut self, object: &LargeObject) -> Result<()> {
        self.must_role_oid(object.owner)?;
        self.check_acl(object.acl.as_ref())?;
        if self.large_object(object.oid).is_some() {
            return Err(duplicate_large_object(object.oid));
        }
        Arc::make_mut(&mut self.large_objects).insert(object.oid, Arc::new(object.clone()));
        Ok(())
    }

    /// Its pages are others from now on, if nobody else wrote it meanwhile.
    pub(super) fn write_large_object(&mut self, oid: Oid, was: u64, stamp: u64) -> Result<()> {
        let object = self.large_object_mut(oid)?;
        if object.stamp != was {
            return Err(concurrent_update());
        }
        object.stamp = stamp;
        Ok(())
    }

    pub(super) fn drop_large_object(&mut self, oid: Oid) -> Result<()> {
        match Arc::make_mut(&mut self.large_objects).remove(&oid) {
            Some(_) => Ok(()),
            None => Err(missing_large_object(oid)),
        }
    }

    pub(super) fn large_object_mut(&mut self, oid: Oid) -> Result<&mut LargeObject> {
        Arc::make_mut(&mut self.large_objects)
            .get_mut(&oid)
            .map(Arc::make_mut)
            .ok_or_else(|| missing_large_object(oid))
    }
}
