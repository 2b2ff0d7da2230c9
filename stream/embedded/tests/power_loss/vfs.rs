//! A storage layer for SQLite that forgets at a power loss what was not synced.
//!
//! It wraps the default layer. Files on the real disk hold every write, as the page cache of an
//! operating system does; beside them it keeps, per file, the content of the last sync and the
//! writes since then. A power loss at the n-th change takes a picture: the synced content plus a
//! pseudo-random part of the later writes, because a disk may have kept any of them. After that
//! every change fails.
//!
//! Not modelled: names of new files are on the disk at once; writes are not torn within themselves.

#![expect(
    unsafe_code,
    reason = "SQLite's storage layer is a table of C functions; used by tests only"
)]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, Once};

use rusqlite::ffi;

pub(crate) const NAME: &str = "sudor-lossy";
const NAME_C: &CStr = c"sudor-lossy";

/// What goes wrong, and when: changes are counted over all files of a folder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// The power goes at this change; of the unsynced writes a part survives, chosen by the seed
    /// (0: none).
    PowerLoss { at: u64, seed: u64 },
    /// The disk is full from this change on.
    Full { at: u64 },
}

#[derive(Default)]
struct World {
    trouble: Option<Trouble>,
    changes: u64,
    off: bool,
    files: BTreeMap<String, Disk>,
    picture: BTreeMap<String, Vec<u8>>,
}

#[derive(Default)]
struct Disk {
    synced: Vec<u8>,
    since: Vec<Change>,
}

enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

static WORLDS: Mutex<BTreeMap<String, World>> = Mutex::new(BTreeMap::new());

fn worlds() -> MutexGuard<'static, BTreeMap<String, World>> {
    WORLDS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Makes a folder one whose storage gets into trouble.
pub(crate) fn prepare(folder: &Path, trouble: Trouble) {
    register();
    let world = World {
        trouble: Some(trouble),
        ..World::default()
    };
    worlds().insert(folder.to_str().unwrap().to_owned(), world);
}

/// Ends the watch over a folder. `Some`: the power went, and this is what the disk holds.
pub(crate) fn picture(folder: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let world = worlds().remove(folder.to_str().unwrap()).unwrap();
    world.off.then_some(world.picture)
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*at..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }
}

impl World {
    /// Counts a change; whether it may happen.
    fn change(&mut self) -> Result<(), c_int> {
        if self.off {
            return Err(ffi::SQLITE_IOERR);
        }
        let now = self.changes;
        self.changes += 1;
        match self.trouble {
            Some(Trouble::PowerLoss { at, seed }) if now >= at => {
                self.take_picture(seed);
                self.off = true;
                Err(ffi::SQLITE_IOERR)
            }
            Some(Trouble::Full { at }) if now >= at => Err(ffi::SQLITE_FULL),
            _ => Ok(()),
        }
    }

    fn take_picture(&mut self, mut seed: u64) {
        for (path, disk) in &self.files {
            let mut content = disk.synced.clone();
            for change in &disk.since {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005);
                if (seed >> 60) & 1 == 1 {
                    change.apply(&mut content);
                }
            }
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            self.picture.insert(name.to_owned(), content);
        }
    }

    fn sync(&mut self, path: &str) {
        if let Some(disk) = self.files.get_mut(path) {
            for change in std::mem::take(&mut disk.since) {
                change.apply(&mut disk.synced);
            }
        }
    }
}

/// Runs something on the world that a file belongs to.
fn with_world<T>(path: &str, run: impl FnOnce(&mut World) -> T) -> Option<T> {
    let folder = Path::new(path).parent()?.to_str()?;
    worlds().get_mut(folder).map(run)
}

/// Our file: SQLite's header, the path, and behind it the real layer's file.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    path: *mut String,
}

unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite allocated `szOsFile` bytes, ours and those of the real layer behind them.
    unsafe { file.cast::<File>().add(1).cast() }
}

unsafe fn path<'a>(file: *mut ffi::sqlite3_file) -> &'a str {
    // SAFETY: set by `open`, freed by `close`; SQLite calls nothing outside of these two.
    unsafe { (*(*file.cast::<File>()).path).as_str() }
}

macro_rules! pass {
    ($name:ident ( $($argument:ident : $type:ty),* ) -> $result:ty, $method:ident) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> $result {
            // SAFETY: the real layer's own file and function.
            unsafe {
                let file = real(file);
                (*(*file).pMethods).$method.unwrap()(file, $($argument),*)
            }
        }
    };
}

pass!(read(to: *mut c_void, amount: c_int, at: ffi::sqlite3_int64) -> c_int, xRead);
pass!(real_write(from: *const c_void, amount: c_int, at: ffi::sqlite3_int64) -> c_int, xWrite);
pass!(real_truncate(length: ffi::sqlite3_int64) -> c_int, xTruncate);
pass!(real_sync(flags: c_int) -> c_int, xSync);
pass!(real_close() -> c_int, xClose);
pass!(file_size(to: *mut ffi::sqlite3_int64) -> c_int, xFileSize);
pass!(lock(kind: c_int) -> c_int, xLock);
pass!(unlock(kind: c_int) -> c_int, xUnlock);
pass!(check_reserved_lock(to: *mut c_int) -> c_int, xCheckReservedLock);
pass!(file_control(operation: c_int, argument: *mut c_void) -> c_int, xFileControl);
pass!(sector_size() -> c_int, xSectorSize);
pass!(device_characteristics() -> c_int, xDeviceCharacteristics);
pass!(shm_map(page: c_int, size: c_int, extend: c_int, to: *mut *mut c_void) -> c_int, xShmMap);
pass!(shm_lock(offset: c_int, count: c_int, flags: c_int) -> c_int, xShmLock);
pass!(shm_barrier() -> (), xShmBarrier);
pass!(shm_unmap(delete: c_int) -> c_int, xShmUnmap);

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite's buffer has `amount` bytes.
    let bytes =
        unsafe { std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(amount).unwrap()) };
    // SAFETY: an open file of ours.
    let path = unsafe { path(file) };
    let allowed = with_world(path, |world| {
        world.change()?;
        let change = Change::Write(usize::try_from(at).unwrap(), bytes.to_vec());
        world
            .files
            .entry(path.to_owned())
            .or_default()
            .since
            .push(change);
        Ok(())
    });
    match allowed {
        Some(Err(code)) => code,
        // SAFETY: passed on as it came.
        _ => unsafe { real_write(file, from, amount, at) },
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    let path = unsafe { path(file) };
    let allowed = with_world(path, |world| {
        world.change()?;
        let change = Change::Truncate(usize::try_from(length).unwrap());
        world
            .files
            .entry(path.to_owned())
            .or_default()
            .since
            .push(change);
        Ok(())
    });
    match allowed {
        Some(Err(code)) => code,
        // SAFETY: passed on as it came.
        _ => unsafe { real_truncate(file, length) },
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let path = unsafe { path(file) };
    let allowed = with_world(path, |world| {
        world.change()?;
        world.sync(path);
        Ok(())
    });
    match allowed {
        Some(Err(code)) => code,
        // The world's own copy is what counts: the real disk need not be waited for.
        Some(Ok(())) => ffi::SQLITE_OK,
        // SAFETY: passed on as it came.
        None => unsafe { real_sync(file, flags) },
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the path was boxed by `open`, and no call comes after this one.
    unsafe {
        let ours = file.cast::<File>();
        drop(Box::from_raw((*ours).path));
        (*ours).path = std::ptr::null_mut();
        real_close(file)
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe fn under(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: set by `register`, and the default layer lives as long as the process.
    unsafe { (*vfs).pAppData.cast() }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over room for our file and the real one behind it; the name is null or
    // a C string that outlives the file.
    unsafe {
        let ours = file.cast::<File>();
        (*ours).base.pMethods = std::ptr::null();
        let under = under(vfs);
        let code = (*under).xOpen.unwrap()(under, name, real(file), flags, out_flags);
        if code != ffi::SQLITE_OK {
            return code;
        }
        let path = if name.is_null() {
            String::new()
        } else {
            CStr::from_ptr(name).to_str().unwrap().to_owned()
        };
        with_world(&path, |world| {
            world.files.entry(path.clone()).or_default();
        });
        (*ours).path = Box::into_raw(Box::new(path));
        (*ours).base.pMethods = &raw const METHODS;
        code
    }
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: a C string, and the real layer's own function.
    unsafe {
        let path = CStr::from_ptr(name).to_str().unwrap();
        let allowed = with_world(path, |world| {
            world.change()?;
            world.files.remove(path);
            Ok(())
        });
        if let Some(Err(code)) = allowed {
            return code;
        }
        let under = under(vfs);
        (*under).xDelete.unwrap()(under, name, sync_folder)
    }
}

macro_rules! pass_vfs {
    ($name:ident ( $($argument:ident : $type:ty),* ), $method:ident) => {
        unsafe extern "C" fn $name(vfs: *mut ffi::sqlite3_vfs, $($argument: $type),*) -> c_int {
            // SAFETY: the real layer's own function.
            unsafe {
                let under = under(vfs);
                (*under).$method.unwrap()(under, $($argument),*)
            }
        }
    };
}

pass_vfs!(access(name: *const c_char, flags: c_int, to: *mut c_int), xAccess);
pass_vfs!(full_pathname(name: *const c_char, room: c_int, to: *mut c_char), xFullPathname);
pass_vfs!(randomness(room: c_int, to: *mut c_char), xRandomness);
pass_vfs!(nap(microseconds: c_int), xSleep);
pass_vfs!(current_time(to: *mut f64), xCurrentTime);
pass_vfs!(last_error(room: c_int, to: *mut c_char), xGetLastError);

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default layer is there after initialisation; ours is never freed.
        unsafe {
            assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK);
            let under = ffi::sqlite3_vfs_find(std::ptr::null());
            let ours = Box::new(ffi::sqlite3_vfs {
                iVersion: 1,
                szOsFile: c_int::try_from(size_of::<File>()).unwrap() + (*under).szOsFile,
                mxPathname: (*under).mxPathname,
                pNext: std::ptr::null_mut(),
                zName: NAME_C.as_ptr(),
                pAppData: under.cast(),
                xOpen: Some(open),
                xDelete: Some(delete),
                xAccess: Some(access),
                xFullPathname: Some(full_pathname),
                xDlOpen: None,
                xDlError: None,
                xDlSym: None,
                xDlClose: None,
                xRandomness: Some(randomness),
                xSleep: Some(nap),
                xCurrentTime: Some(current_time),
                xGetLastError: Some(last_error),
                xCurrentTimeInt64: None,
                xSetSystemCall: None,
                xGetSystemCall: None,
                xNextSystemCall: None,
            });
            assert_eq!(
                ffi::sqlite3_vfs_register(Box::into_raw(ours), 0),
                ffi::SQLITE_OK
            );
        }
    });
}
