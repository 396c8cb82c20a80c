#if Server
    import HTTPTypes
    import Testing

    @testable import RedrafterServer

    @Suite struct AccessTests {
        @Test("A comparison takes as many steps as the key has bytes, whatever is compared with it")
        func constantTime() {
            let key = Array("a-long-secret".utf8)
            for given in ["", "a", "a-long-secre", "a-long-secret", "b-long-secret", "a-long-secretx"] {
                var steps = 0
                let areEqual = ConstantTime.areEqual(Array(given.utf8), key, &steps)
                #expect(areEqual == (given == "a-long-secret"))
                #expect(steps == key.count)
            }
            // A repetition has the same bytes at the same places.
            #expect(!ConstantTime.areEqual(Array("abab".utf8), Array("ab".utf8)))
            #expect(!ConstantTime.areEqual(Array("ab".utf8), Array("abab".utf8)))
        }

        @Test("Hosts are names or addresses with a port")
        func hosts() throws {
            let good = [
                ("localhost", "localhost", nil), ("LocalHost.:80", "localhost", "80"),
                ("[::1]:8080", "::1", "8080"),
                ("127.0.0.1", "127.0.0.1", nil), ("[::1]", "::1", nil),
            ]
            for (text, name, port) in good {
                let host = try #require(Host(text))
                #expect(host.name == name && host.port == port, "\(text)")
            }
            for text in ["", ":80", "[", "[]", "[::1", "[::1]x", "a b", "a:x", "a/b", "a@b", "é"] {
                #expect(Host(text) == nil, "\(text)")
            }
        }

        @Test("Other machines are served with a key, or where nobody wants one")
        func otherMachines() throws {
            var options = ServerOptions()
            for host in ["127.0.0.1", "localhost", "::1", "127.1.2.3"] {
                options.host = host
                try options.validate()
            }
            for host in ["0.0.0.0", "::", "192.168.1.2", "machine.example", "127.evil.example"] {
                options.host = host
                options.keys = []
                #expect(throws: ServerError.needsKey(host: host)) { try options.validate() }
                options.keys = ["k"]
                try options.validate()
            }
        }

        private func head(_ host: String?, _ fields: HTTPFields = [:]) -> HTTPRequest {
            HTTPRequest(method: .get, scheme: "http", authority: host, path: "/", headerFields: fields)
        }

        @Test("A page of another site can reach the server under no name")
        func rebinding() throws {
            let policy = AccessPolicy(ServerOptions())
            try policy.check(head("localhost:8080"), needsKey: true)
            try policy.check(head("127.0.0.1:8080", [.origin: "http://127.0.0.1:8080"]), needsKey: true)
            let refused = [
                head(nil), head("evil.example"), head("localhost:8080", [.origin: "http://evil.example"]),
                head("localhost:8080", [.origin: "http://localhost:3000"]),
                head("localhost", [.origin: "null"]),
            ]
            for head in refused {
                #expect(throws: APIError.self) { try policy.check(head, needsKey: false) }
            }
        }

        @Test("On all addresses, a server without keys answers to addresses and its own names only")
        func allAddresses() throws {
            var options = ServerOptions()
            options.host = "0.0.0.0"
            options.isInsecure = true
            let policy = AccessPolicy(options)
            for host in ["192.168.1.2:8080", "[fe80::1]:8080", "localhost", "10.0.0.1"] {
                try policy.check(head(host), needsKey: true)
            }
            for host in ["evil.example:8080", "1.2.3", "127.evil.example", "1.2.3.4.5"] {
                #expect(throws: APIError.self) { try policy.check(head(host), needsKey: false) }
            }
            options.allowedHosts = ["machine.example"]
            try AccessPolicy(options).check(head("machine.example"), needsKey: true)
            options.allowedHosts = []
            options.keys = ["k"]
            try AccessPolicy(options).check(
                head("any.example", [.authorization: "Bearer k"]), needsKey: true)
        }
    }
#endif
