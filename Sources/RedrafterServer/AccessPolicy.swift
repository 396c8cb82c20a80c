#if Server
    import HTTPTypes

    /// Who may ask: by key, and by the names under which the server was reached. A page of another site in a browser of this
    /// machine can send requests here; it can fake neither `Host` nor `Origin`.
    struct AccessPolicy: Sendable {
        private let keys: [[UInt8]]
        private let hosts: Set<String>
        /// Those that were allowed by name.
        private let allowedHosts: Set<String>
        /// Any name may be used: that was asked for, or the server is bound to all addresses and has keys.
        private let takesAnyHost: Bool
        /// Any address may be used, but no name: the server is bound to all addresses and has no keys. A site can point a name of its
        /// own here, but no browser sends an address in the place of that name.
        private let takesAnyAddress: Bool
        private let corsOrigin: String?

        init(_ options: ServerOptions) {
            keys = options.keys.map { Array($0.utf8) }
            corsOrigin = options.corsOrigin
            hosts = Set(
                (Host.loopback + [options.host] + options.allowedHosts).map { Host.canonical($0) })
            allowedHosts = Set(options.allowedHosts.map { Host.canonical($0) })
            let isOpen = Host.isAny(options.host) && options.allowedHosts.isEmpty
            takesAnyHost = options.allowedHosts.contains("*") || (isOpen && !options.keys.isEmpty)
            takesAnyAddress = isOpen
        }

        /// Checks what the header says.
        /// - Parameter needsKey: false for what has no secrets.
        func check(_ head: HTTPRequest, needsKey: Bool) throws(APIError) {
            guard let authority = head.authority, let host = Host(authority) else {
                throw APIError(.badRequest, "The request has no valid Host")
            }
            guard
                takesAnyHost || (takesAnyAddress && Host.isAddress(host.name)) || hosts.contains(host.name)
            else {
                throw APIError(
                    .forbidden, "The server does not answer to the name in Host; --allowed-host adds one",
                    code: "host_not_allowed")
            }
            let origins = head.headerFields[values: .origin]
            guard origins.count <= 1 else { throw APIError(.badRequest, "The request has two Origin fields") }
            if let origin = origins.first, !isAllowed(origin, host) {
                throw APIError(
                    .forbidden, "Pages of this origin may not ask the server; --cors allows one",
                    code: "origin_not_allowed")
            }
            if needsKey, !keys.isEmpty, !hasKey(head) { throw .unauthorized }
        }

        private func isAllowed(_ origin: String, _ host: Host) -> Bool {
            if let corsOrigin, corsOrigin == "*" || corsOrigin == origin { return true }
            guard let origin = Origin(origin) else { return false }
            // The page that the server itself gave out, under whatever name it was reached.
            if origin.host == host { return true }
            return allowedHosts.contains(origin.host.name)
        }

        private func hasKey(_ head: HTTPRequest) -> Bool {
            let fields = head.headerFields[values: .authorization]
            guard fields.count == 1, let field = fields.first, field.lowercased().hasPrefix("bearer ") else {
                return false
            }
            let given = Array(field.utf8.dropFirst("bearer ".utf8.count))
            var found: UInt8 = 0
            // Every key is looked at, whichever was right.
            for key in keys { found |= ConstantTime.areEqual(given, key) ? 1 : 0 }
            return found == 1
        }

        /// Fields of an answer for a page of another origin that may read it.
        func corsFields(_ head: HTTPRequest) -> HTTPFields {
            guard let corsOrigin, let origin = head.headerFields[.origin],
                corsOrigin == "*" || corsOrigin == origin
            else { return [:] }
            return [.accessControlAllowOrigin: corsOrigin, .vary: "Origin"]
        }

        /// Fields of the answer to a browser that asks whether it may.
        func preflightFields(_ head: HTTPRequest) -> HTTPFields {
            var fields = corsFields(head)
            guard !fields.isEmpty else { return [:] }
            fields[.accessControlAllowMethods] = "GET, POST"
            fields[.accessControlAllowHeaders] =
                head.headerFields[.accessControlRequestHeaders] ?? "authorization, content-type"
            fields[.accessControlMaxAge] = "600"
            return fields
        }
    }

    /// A comparison whose time tells nothing about where two texts differ.
    enum ConstantTime {
        /// Takes as many steps as the secret has bytes, whatever was given.
        static func areEqual(_ given: [UInt8], _ secret: [UInt8]) -> Bool {
            var steps = 0
            return areEqual(given, secret, &steps)
        }

        static func areEqual(_ given: [UInt8], _ secret: [UInt8], _ steps: inout Int) -> Bool {
            var difference = given.count ^ secret.count
            for index in secret.indices {
                steps += 1
                difference |= Int(secret[index] ^ (given.isEmpty ? 0 : given[index % given.count]))
            }
            return difference == 0
        }
    }
#endif
