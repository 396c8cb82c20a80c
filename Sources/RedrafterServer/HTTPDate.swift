#if Server
    import RedrafterPlatform

    /// The time as HTTP writes it.
    enum HTTPDate {
        /// Such as `Sun, 06 Nov 1994 08:49:37 GMT`.
        static func text(_ seconds: Int) -> String {
            var seconds = time_t(seconds)
            var parts = tm()
            gmtime_r(&seconds, &parts)
            let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
            let months = [
                "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
            ]
            func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let date = "\(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + Int(parts.tm_year))"
            return
                "\(days[Int(parts.tm_wday)]), \(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
        }

        static var now: String { text(time(nil)) }
    }
#endif
