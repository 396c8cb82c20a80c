#if Server
    import HTTPTypes
    import HummingbirdCore
    import NIOCore
    import RedrafterFormats

    /// An answer that is there as a whole.
    struct Reply {
        var status = HTTPResponse.Status.ok
        var fields: HTTPFields = [:]
        var body: [UInt8] = []

        init(json: JSONValue) {
            fields[.contentType] = "application/json"
            body = json.encoded()
        }

        init(text: String) {
            fields[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
            body = Array(text.utf8)
        }

        init(_ error: APIError) {
            status = error.status
            body = error.json.encoded()
            fields = error.response(bytes: body.count).headerFields
        }

        init(page: Page) {
            fields[.contentType] = "text/html; charset=utf-8"
            fields[.contentSecurityPolicy] = page.policy
            fields[.referrerPolicy] = "no-referrer"
            body = page.bytes
        }

        /// For a browser that asks whether it may; the gate adds what it wants to know.
        static let preflight: Reply = {
            var reply = Reply(text: "")
            reply.status = .noContent
            reply.fields = [:]
            return reply
        }()

        func write(to writer: consuming ResponseWriter) async throws {
            var fields = fields
            if status != .noContent { fields[.contentLength] = "\(body.count)" }
            fields[.cacheControl] = "no-store"
            fields[.xContentTypeOptions] = "nosniff"
            // In parts: a client that reads a large answer slowly is seen to read.
            var parts = try await writer.writeHead(HTTPResponse(status: status, headerFields: fields))
            for start in stride(from: 0, to: body.count, by: Self.partBytes) {
                let part = body[start..<min(start + Self.partBytes, body.count)]
                try await parts.write(ByteBuffer(bytes: part))
            }
            try await parts.finish(nil)
        }

        private static let partBytes = 64 << 10
    }

    extension HTTPField.Name {
        static let contentSecurityPolicy = HTTPField.Name(known: "content-security-policy")
        static let referrerPolicy = HTTPField.Name(known: "referrer-policy")
        /// Tells nginx to pass a stream on as it comes.
        static let xAccelBuffering = HTTPField.Name(known: "x-accel-buffering")

        private init(known name: String) {
            guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field's name") }
            self = field
        }
    }
#endif
