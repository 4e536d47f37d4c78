import TestSupport

/// Whether `actual` is what `pattern` asks for; else where it is not. Objects may have further members, lists may not; an
/// object whose names begin with `$` is a matcher.
func difference(_ pattern: JSON, _ actual: JSON, _ path: String) -> String? {
    switch (pattern, actual) {
    case (.object(let matcher), _) where isMatcher(matcher):
        return matcher.sorted { $0.key < $1.key }.lazy.compactMap { apply($0.key, $0.value, actual, path) }.first
    case (.object(let wanted), .object(let found)):
        return wanted.sorted { $0.key < $1.key }.lazy.compactMap { name, wanted in
            member(wanted, found[name], "\(path).\(name)")
        }.first
    case (.array(let wanted), .array(let found)) where wanted.count == found.count:
        return zip(wanted, found).enumerated().lazy.compactMap { at, pair in
            difference(pair.0, pair.1, "\(path)[\(at)]")
        }.first
    case _ where pattern == actual: return nil
    default: return "\(path): \(actual) instead of \(pattern)"
    }
}

func fits(_ pattern: JSON, _ actual: JSON) -> Bool {
    difference(pattern, actual, "") == nil
}

private func member(_ wanted: JSON, _ found: JSON?, _ path: String) -> String? {
    if let found { return difference(wanted, found, path) }
    return wanted["$absent"] == true ? nil : "\(path) is missing, expected \(wanted)"
}

private func isMatcher(_ members: [String: JSON]) -> Bool {
    !members.isEmpty && members.keys.allSatisfy { $0.hasPrefix("$") }
}

private func apply(_ name: String, _ wanted: JSON, _ actual: JSON, _ path: String) -> String? {
    switch name {
    case "$any": nil
    case "$absent": "\(path): \(actual), expected none"
    case "$type": type(of: actual) == wanted.string ? nil : "\(path): \(actual) is no \(wanted)"
    case "$at_least", "$at_most": bounded(name, wanted, actual, path)
    case "$contains", "$lacks":
        (wanted.array ?? [wanted]).compactMap(\.string).lazy.compactMap { text in
            let found = actual.string?.contains(text) ?? false
            return found == (name == "$contains") ? nil : "\(path): \(actual) against \(name) \(JSON.string(text))"
        }.first
    default: "\(path): there is no matcher \(name)"
    }
}

private func bounded(_ name: String, _ wanted: JSON, _ actual: JSON, _ path: String) -> String? {
    guard let number = actual.number, let bound = wanted.number else { return "\(path): \(actual) is no number" }
    if name == "$at_least", number < bound { return "\(path): \(actual) is below \(wanted)" }
    if name == "$at_most", number > bound { return "\(path): \(actual) is above \(wanted)" }
    return nil
}

private func type(of value: JSON) -> String {
    switch value {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
}
