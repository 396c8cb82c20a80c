import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// Brings the files of a model into the cache, one after the other.
struct HubFetch {
    private let files: [HubFile]
    private let listing: HubListing
    private let reference: HubReference
    private let cache: HubCache
    private let requests: HubRequests
    private let observer: HubObserver
    private var number = 0
    /// Bytes of files that are there as a whole.
    private var finishedBytes = 0
    private var receivedBytes = 0

    init(
        _ files: [HubFile], _ listing: HubListing, _ reference: HubReference, cache: HubCache,
        requests: HubRequests,
        observer: HubObserver
    ) {
        self.files = files
        self.listing = listing
        self.reference = reference
        self.cache = cache
        self.requests = requests
        self.observer = observer
    }

    /// - Throws: `HubError.noSpace` where what is missing would not fit on the disk.
    func requireSpace(_ settings: HubSettings) throws(HubError) {
        var needed = CheckedSize(0)
        for file in files {
            guard let size = file.byteCount, let blob = file.blob,
                !cache.hasBlob(blob, of: reference.repository, size: size)
            else { continue }
            var status = stat()
            let partial = cache.blob(blob, of: reference.repository) + ".incomplete"
            let there = stat(partial, &status) == 0 ? min(Int(status.st_size), size) : 0
            needed = needed + (size - there)
        }
        let folder = cache.folder(of: reference.repository)
        guard let available = settings.freeBytes(folder) else { return }
        let bytes = needed.value ?? .max
        guard bytes <= available else {
            throw .noSpace(directory: folder, needed: bytes, available: available)
        }
    }

    /// Makes sure that a file is in the snapshot.
    mutating func fetch(_ file: HubFile) throws(HubError) {
        number += 1
        guard let size = file.byteCount, let blob = file.blob else {
            preconditionFailure("a file without its size")
        }
        if !cache.hasBlob(blob, of: reference.repository, size: size) {
            let lock = try FileLock(
                cache.lock(blob, of: reference.repository),
                onWait: { observer.note("another program is fetching \(file.path); waiting for it") },
                isCancelled: observer.isCancelled)
            try withExtendedLifetime(lock) { () throws(HubError) in
                if !cache.hasBlob(blob, of: reference.repository, size: size) { try fetch(file, size, blob) }
            }
        }
        finishedBytes += size
        report(file, 0)
        try cache.link(blob, as: file.path, in: listing.commit, of: reference.repository)
    }

    private mutating func fetch(_ file: HubFile, _ size: Int, _ blob: String) throws(HubError) {
        let path = cache.blob(blob, of: reference.repository)
        let sink = try BlobSink(
            file, size: size, blob: blob, path: path + ".incomplete", isCancelled: observer.isCancelled)
        sink.onBytes = { [self] in report(file, sink.count, received: sink.received) }
        for attempt in 1...2 {
            do throws(HubError) {
                try requests.content(file, of: listing, reference, into: sink)
                try sink.commit(as: path)
                break
            } catch {
                // What was left of an earlier fetch may have been wrong.
                guard case .altered = error, attempt == 1 else { throw error }
                observer.note("\(error.description); fetching it again")
            }
        }
        receivedBytes += sink.received
    }

    private func report(_ file: HubFile, _ bytes: Int, received: Int = 0) {
        observer.progress(
            HubProgress(
                file: file.path, number: number, files: files.count, bytes: finishedBytes + bytes,
                totalBytes: files.byteCount, receivedBytes: receivedBytes + received))
    }
}
