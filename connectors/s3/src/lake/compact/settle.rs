//! The end of a compaction: what is in large objects is deleted, once these have been read back; and what an earlier run
//! has left half done is ended or undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use longshore_api::{ConnectError, ErrorKind, Result};
use tokio::task::JoinSet;

use super::Run;
use crate::lake::name::Scheme;
use crate::lake::{AT_ONCE, Lake, inspect};
use crate::manifest::{self, Input, Manifest};
use crate::store::Store;
use crate::store::aws::Listed;

/// What became of large objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// They are there, and what they were made of is not.
    Done,
    /// Something is as it was, and told.
    Left,
}

type Listing = BTreeMap<String, Listed>;

impl Run {
    /// Ends what an earlier run has begun.
    pub(super) async fn finish_earlier(&mut self) -> Result<()> {
        if !self.asked.dry_run {
            self.give_up_uploads().await;
        }
        for manifests in self.manifests().await? {
            let made = made_together(&manifests);
            let there = made.iter().filter(|key| self.there.contains_key(*key)).count();
            let has_inputs = manifests.iter().any(|manifest| !self.left_of(manifest).is_empty());
            if there == made.len() && !has_inputs {
                manifests.iter().for_each(|manifest| self.held.add(&self.lake.scheme, manifest));
                continue;
            }
            let inputs = manifests.iter().flat_map(|manifest| &manifest.inputs).map(|input| input.object.clone());
            if self.asked.dry_run {
                self.left.extend(inputs.chain(made.clone()));
                if has_inputs {
                    self.tell(&manifests[0].object, "an earlier run was not finished: the next one will see to it");
                }
            } else if there == made.len() {
                self.settle(&manifests).await?;
            } else if there == 0 {
                // Nothing was deleted for objects that never came to be.
                self.delete_manifests(&manifests).await?;
            } else if has_inputs {
                // What was listed is old by now: a run that is at work may have written the others.
                let listing = self.listing(&manifests).await?;
                if made.iter().all(|key| listing.contains_key(key)) {
                    self.settle(&manifests).await?;
                } else {
                    self.undo(&manifests, &listing, None).await?;
                }
            }
        }
        Ok(())
    }

    /// Gives up what was being uploaded when a run was killed. Who may not list uploads has a rule of the bucket for them.
    async fn give_up_uploads(&self) {
        let Lake { bucket, prefix, scheme, .. } = &*self.lake;
        for one in bucket.unfinished(prefix).await.unwrap_or_default() {
            if scheme.read(&one.key).is_some_and(|name| name.is_compacted) {
                drop(bucket.abort(&one.key, &one.upload).await);
            }
        }
    }

    /// The manifests of all compactions, those of objects that were made together in one place.
    async fn manifests(&mut self) -> Result<Vec<Vec<Manifest>>> {
        let scheme = &self.lake.scheme;
        let is_of_compaction = |key: &&String| {
            let object = manifest::object(key, &scheme.directory).filter(|_| scheme.is_manifest(key));
            object.and_then(|object| scheme.read(&object)).is_some_and(|name| name.is_compacted)
        };
        let keys: Vec<String> = self.there.keys().filter(is_of_compaction).cloned().collect();
        let mut by_object: BTreeMap<String, Vec<Manifest>> = BTreeMap::new();
        for some in keys.chunks(AT_ONCE) {
            let mut running = JoinSet::new();
            for key in some {
                let (lake, key) = (Arc::clone(&self.lake), key.clone());
                running.spawn(async move { (inspect::manifest(&lake, &key).await, key) });
            }
            for (manifest, key) in running.join_all().await {
                let manifest = manifest.and_then(|manifest| match is_in_place(&self.lake.scheme, &key, &manifest) {
                    true => Ok(manifest),
                    false => Err(ConnectError::data("it is of an object elsewhere, or of such objects: a copy?")),
                });
                match manifest {
                    Ok(manifest) => {
                        let first = manifest.together.first().unwrap_or(&manifest.object).clone();
                        by_object.entry(first).or_default().push(manifest);
                    }
                    Err(error) if error.kind == ErrorKind::BadRecord => {
                        self.left.extend(manifest::object(&key, &self.lake.scheme.directory));
                        self.tell(&key, error.to_string());
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let mut all: Vec<_> = by_object.into_values().collect();
        all.iter_mut().for_each(|manifests| manifests.sort_by(|a, b| a.object.cmp(&b.object)));
        Ok(all)
    }

    /// The inputs of a manifest of which something is there: the object, or its own manifest.
    fn left_of<'m>(&self, manifest: &'m Manifest) -> Vec<&'m str> {
        let beside = |key: &str| manifest::key(key, &self.lake.scheme.directory);
        let is_left = |key: &&str| self.there.contains_key(*key) || self.there.contains_key(&beside(key));
        manifest.inputs.iter().map(|input| input.object.as_str()).filter(is_left).collect()
    }

    /// Reads large objects back and, if they hold what their manifests say, deletes what they were made of.
    pub(super) async fn settle(&mut self, manifests: &[Manifest]) -> Result<Settled> {
        let lake = Arc::clone(&self.lake);
        let listing = self.listing(manifests).await?;
        if self.was_undone(manifests, &listing).await? {
            return Ok(Settled::Left);
        }
        for manifest in manifests {
            if let Err(error) = check(&lake, manifest, &listing).await {
                if error.kind != ErrorKind::BadRecord {
                    return Err(error);
                }
                return self.refuse(manifests, &listing, (manifest, &error)).await;
            }
        }
        self.there.extend(listing.iter().map(|(key, listed)| (key.clone(), listed.clone())));
        for manifest in manifests {
            self.delete_inputs(manifest, &listing).await?;
            self.held.add(&lake.scheme, manifest);
        }
        Ok(Settled::Done)
    }

    /// What is in the places of large objects now.
    async fn listing(&self, manifests: &[Manifest]) -> Result<Listing> {
        let (lake, mut listing) = (&self.lake, Listing::new());
        for manifest in manifests {
            let Some(name) = lake.scheme.read(&manifest.object) else { continue };
            let prefixes =
                [lake.scheme.beginning(&name), manifest::key(&lake.scheme.beginning(&name), &lake.scheme.directory)];
            for prefix in prefixes.map(|prefix| prefix.trim_end_matches(manifest::EXTENSION).to_owned()) {
                let listed = lake.bucket.list(&prefix).await;
                let listed = listed.map_err(|error| lake.failed("listing", &prefix, &error))?;
                listing.extend(listed.into_iter().map(|object| (object.key.clone(), object)));
            }
        }
        Ok(listing)
    }

    /// Undoes large objects of which one is not what it should be, unless another run is writing them.
    async fn refuse(
        &mut self,
        manifests: &[Manifest],
        before: &Listing,
        wrong: (&Manifest, &ConnectError),
    ) -> Result<Settled> {
        let listing = self.listing(manifests).await?;
        let made = made_together(manifests);
        let tag = |listing: &Listing, key: &str| listing.get(key).map(|object| object.tag.clone());
        if made.iter().any(|key| tag(before, key) != tag(&listing, key)) {
            let inputs = manifests.iter().flat_map(|manifest| &manifest.inputs).map(|input| input.object.clone());
            self.left.extend(inputs.chain(made));
            self.tell(&wrong.0.object, "it was changed meanwhile: another compaction is at work");
            return Ok(Settled::Left);
        }
        self.undo(manifests, &listing, Some(wrong)).await
    }

    /// Whether another run has deleted a manifest meanwhile, as it does where it finds no object. Then the objects go too,
    /// if all that they were made of is there.
    async fn was_undone(&mut self, manifests: &[Manifest], listing: &Listing) -> Result<bool> {
        let lake = Arc::clone(&self.lake);
        for manifest in manifests {
            let key = manifest::key(&manifest.object, &lake.scheme.directory);
            match inspect::manifest(&lake, &key).await {
                Ok(known) if known == *manifest => continue,
                Err(error) if error.kind != ErrorKind::BadRecord => return Err(error),
                Err(_) if is_whole(manifests, listing) => {
                    for key in manifests.iter().map(|manifest| &manifest.object) {
                        delete(&lake, key).await?;
                    }
                }
                _ => {}
            }
            let inputs = manifests.iter().flat_map(|manifest| &manifest.inputs);
            self.left.extend(inputs.map(|input| input.object.clone()));
            self.tell(&manifest.object, "its manifest was changed meanwhile: another compaction is at work");
            return Ok(true);
        }
        Ok(false)
    }

    /// Deletes the objects that a large one was made of, with their manifests. What is another one than that which was
    /// read stays.
    async fn delete_inputs(&mut self, manifest: &Manifest, listing: &Listing) -> Result<()> {
        let lake = Arc::clone(&self.lake);
        let beside = |key: &str| manifest::key(key, &lake.scheme.directory);
        let is_left =
            |input: &&Input| listing.contains_key(&input.object) || listing.contains_key(&beside(&input.object));
        let inputs: Vec<&Input> = manifest.inputs.iter().filter(is_left).collect();
        for some in inputs.chunks(AT_ONCE) {
            let mut running = JoinSet::new();
            for input in some.iter().map(|input| (*input).clone()) {
                let (lake, beside) = (Arc::clone(&lake), beside(&input.object));
                running.spawn(async move {
                    let deleted = lake.bucket.delete_same(&input.object, &input.etag).await;
                    let is_gone = deleted.map_err(|error| lake.failed("deleting", &input.object, &error))?;
                    if is_gone {
                        delete(&lake, &beside).await?;
                    }
                    Ok::<_, ConnectError>((input.object, beside, is_gone))
                });
            }
            for done in running.join_all().await {
                let (object, beside, is_gone) = done?;
                if is_gone {
                    self.there.remove(&object);
                    self.there.remove(&beside);
                    self.done.deleted += usize::from(listing.contains_key(&object));
                } else {
                    let made = lake.url(&manifest.object);
                    self.tell(&object, format!("it is another one than that which was read into {made}"));
                    self.left.insert(object);
                }
            }
        }
        Ok(())
    }

    /// Deletes large objects, if all that they were made of is there as it was; else everything stays. `wrong` is what is
    /// wrong with one of them.
    async fn undo(
        &mut self,
        manifests: &[Manifest],
        listing: &Listing,
        wrong: Option<(&Manifest, &ConnectError)>,
    ) -> Result<Settled> {
        let inputs = || manifests.iter().flat_map(|manifest| &manifest.inputs);
        let is_whole = is_whole(manifests, listing);
        let (object, what) = match wrong {
            Some((manifest, error)) => (&manifest.object, error.to_string()),
            None => (&manifests[0].object, "not all that was to be made with it is there".to_owned()),
        };
        if !is_whole || wrong.is_some() {
            let made = made_together(manifests);
            self.left.extend(inputs().map(|input| input.object.clone()).chain(made));
            let end = if is_whole {
                "it was deleted, what it was made of is kept"
            } else {
                "what is left of its inputs is kept"
            };
            self.tell(object, format!("{what}; {end}"));
        }
        if is_whole {
            for key in made_together(manifests) {
                delete(&self.lake, &key).await?;
                self.there.remove(&key);
            }
            self.delete_manifests(manifests).await?;
        }
        Ok(Settled::Left)
    }

    async fn delete_manifests(&mut self, manifests: &[Manifest]) -> Result<()> {
        for manifest in manifests {
            let key = manifest::key(&manifest.object, &self.lake.scheme.directory);
            delete(&self.lake, &key).await?;
            self.there.remove(&key);
        }
        Ok(())
    }
}

/// Whether a manifest is of the object beside which it stands, and names no object of another place. Those of a copied
/// lake name objects of the lake that it was copied from.
fn is_in_place(scheme: &Scheme, key: &str, manifest: &Manifest) -> bool {
    let place = |key: &str| scheme.read(key).map(|name| scheme.beginning(&name));
    let own = place(&manifest.object);
    let inputs = manifest.inputs.iter().map(|input| &input.object);
    manifest::object(key, &scheme.directory).is_some_and(|object| object == manifest.object)
        && inputs.chain(&manifest.together).all(|key| place(key) == own)
}

/// Whether all that large objects were made of is there as it was.
fn is_whole(manifests: &[Manifest], listing: &Listing) -> bool {
    let mut inputs = manifests.iter().flat_map(|manifest| &manifest.inputs);
    inputs.all(|input| listing.get(&input.object).is_some_and(|found| found.tag == input.etag))
}

/// The objects that are there together or not at all.
fn made_together(manifests: &[Manifest]) -> BTreeSet<String> {
    let together = manifests.iter().flat_map(|manifest| &manifest.together);
    manifests.iter().map(|manifest| &manifest.object).chain(together).cloned().collect()
}

/// Whether an object is what its manifest says, and holds as many rows as what it was made of.
///
/// # Errors
/// Kind BadRecord: it is not; any other: why it cannot be read.
async fn check(lake: &Lake, manifest: &Manifest, listing: &Listing) -> Result<()> {
    let wrong = |what: &str| Err(ConnectError::data(what.to_owned()));
    let (Some(listed), Some(name)) = (listing.get(&manifest.object), lake.scheme.read(&manifest.object)) else {
        return wrong("it was deleted since it was written");
    };
    let copy = inspect::fetch(lake, listed).await?;
    let Some(format) = name.format else { return wrong("its name has no format") };
    let reading = tokio::task::spawn_blocking(move || {
        Ok::<_, ConnectError>((inspect::checksum(&copy)?, inspect::read(&copy, &name, format, 0)?.rows))
    });
    let (sum, rows) = reading.await.unwrap_or_else(|_| Err(ConnectError::data("its reader gave up")))?;
    if sum != manifest.sha256 {
        return wrong("it has another checksum than its manifest says");
    }
    let read: u64 = manifest.inputs.iter().map(|input| input.records).sum();
    if rows != read || rows != manifest.contents.records {
        return Err(ConnectError::data(format!("it has {rows} rows, and {read} were read for it")));
    }
    Ok(())
}

async fn delete(lake: &Lake, key: &str) -> Result<()> {
    lake.bucket.delete(key).await.map_err(|error| lake.failed("deleting", key, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Contents;

    #[test]
    fn manifests_of_a_copied_lake_are_told_from_its_own() {
        let scheme = Scheme { directory: "/".to_owned(), file: "+".to_owned() };
        let input = |object: &str| Input { object: object.to_owned(), etag: String::new(), records: 1 };
        let manifest = |inputs: &[&str]| Manifest {
            inputs: inputs.iter().map(|object| input(object)).collect(),
            ..Manifest::of("a/t+0+0.1.compacted.csv", "t", 0, Contents::default())
        };
        let own = manifest(&["a/t+0+0.json", "a/t+0+1.json"]);
        assert!(is_in_place(&scheme, "a/_t+0+0.1.compacted.csv.manifest", &own));
        assert!(!is_in_place(&scheme, "copy/a/_t+0+0.1.compacted.csv.manifest", &own));
        for other in ["a/t+1+1.json", "b/t+0+1.json", "a/u+0+1.json", "a/notes.txt"] {
            let others = manifest(&["a/t+0+0.json", other]);
            assert!(!is_in_place(&scheme, "a/_t+0+0.1.compacted.csv.manifest", &others), "{other}");
        }
    }
}
