#if Server
    import HTTPTypes
    import NIOHTTP1
    import RedrafterCore
    import RedrafterFormats

    /// A request that is not served, in OpenAI's terms.
    struct APIError: Error, Equatable {
        var status: HTTPResponse.Status
        /// One sentence; what it quotes is escaped and cut.
        var message: String
        /// The field of the request that is at fault.
        var parameter: String?
        var code: String?
        /// Seconds.
        var retryAfter: Int?
        /// The methods that an address takes.
        var allowed: String?

        init(
            _ status: HTTPResponse.Status, _ message: String, parameter: String? = nil, code: String? = nil,
            retryAfter: Int? = nil
        ) {
            self.status = status
            self.message = TerminalText.escaped(message, limit: Self.messageLimit)
            self.parameter = parameter.map { TerminalText.escaped($0, limit: Self.parameterLimit) }
            self.code = code
            self.retryAfter = retryAfter
        }

        private static let messageLimit = 1000
        private static let parameterLimit = 100

        /// A field that is wrong.
        static func field(_ name: String, _ problem: String, code: String? = nil) -> APIError {
            let shown = TerminalText.escaped(name, limit: parameterLimit)
            return APIError(.badRequest, "'\(shown)' \(problem)", parameter: name, code: code)
        }

        /// The class of the error, by its status.
        private var type: String {
            switch status.code {
            case 401: "authentication_error"
            case 403: "permission_error"
            case 408: "timeout_error"
            case 429: "rate_limit_error"
            case 503: "unavailable_error"
            case 500...: "server_error"
            default: "invalid_request_error"
            }
        }

        /// `{"error": {"message", "type", "param", "code"}}`
        var json: JSONValue {
            .object([
                "error": .object([
                    "message": .string(message), "type": .string(type),
                    "param": parameter.map(JSONValue.string) ?? .null,
                    "code": code.map(JSONValue.string) ?? .null,
                ])
            ])
        }
    }

    extension APIError {
        static let draining = APIError(
            .serviceUnavailable, "The server is shutting down", code: "shutting_down", retryAfter: 30)
        static let loading = APIError(.serviceUnavailable, "Loading model", code: "loading", retryAfter: 5)
        static let headersTooLate = APIError(.requestTimeout, "The request's header took too long")
        static let bodyTooLate = APIError(.requestTimeout, "The request's body took too long")
        static let unauthorized = APIError(
            .unauthorized, "The API key is missing or wrong; send it as 'Authorization: Bearer KEY'",
            code: "invalid_api_key")

        /// Bytes that are no request.
        init(_ error: HTTPParserError) {
            let problem =
                switch error {
                case .invalidMethod: "it begins with no known method"
                case .invalidURL: "its address is not valid"
                case .invalidVersion: "its version is not 1.0 or 1.1"
                case .invalidHeaderToken: "its header holds characters that are not allowed there"
                case .invalidContentLength: "its Content-Length is no number"
                case .unexpectedContentLength: "it has two lengths: Content-Length and chunks, or two of them"
                case .invalidChunkSize: "a chunk of its body has no valid size"
                default: "lines or separators are missing"
                }
            self.init(.badRequest, "The request is not valid HTTP/1.1: \(problem)")
        }

        static func method(allowed: String) -> APIError {
            var error = APIError(
                .methodNotAllowed, "This address takes \(allowed)", code: "method_not_allowed")
            error.allowed = allowed
            return error
        }

        static func bodyTooLarge(_ limit: Int) -> APIError {
            APIError(.contentTooLarge, "The body has more than \(limit) bytes", code: "body_too_large")
        }

        static func addressTooLong(_ limit: Int) -> APIError {
            APIError(.uriTooLong, "The address has more than \(limit) bytes")
        }

        static func headersTooLarge(_ limits: ServerLimits) -> APIError {
            APIError(
                .requestHeaderFieldsTooLarge,
                "The header has more than \(limits.headerFields) fields or \(limits.headerBytes) bytes")
        }
    }
#endif
