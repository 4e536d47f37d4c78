import Testing

/// Cases that are not played here, each with the reason.
let skipped: [String: String] = [:]

/// What a `URLSession` cannot do, each with the reason.
let beyondURLSession: [String: String] = [:]

let allCases = Case.read("cases.json")
let playedCases = allCases.filter { skipped[$0.id] == nil }
let adapterCases = allCases.filter { $0.all["adapters"] == true }
let mustFailCases = Case.read("must-fail.json")

@Suite("conformance", .serialized)
struct Conformance {
    @Test(arguments: playedCases)
    func conforms(_ written: Case) async throws {
        let complaints = try await play(written)
        #expect(complaints == [], "\(written.id)")
    }

    /// Through a real `URLSession`. What it cannot play must fail: else it is to be taken off the list.
    @Test(arguments: adapterCases)
    func conformsThroughURLSession(_ written: Case) async throws {
        let complaints = try await play(written, adapted: true)
        if let why = beyondURLSession[written.id] {
            #expect(complaints != [], "\(written.id) can be played, though \(why)")
        } else {
            #expect(complaints == [], "\(written.id)")
        }
    }

    /// The runner looks: each of these has a wrong expectation.
    @Test(arguments: mustFailCases)
    func complains(_ written: Case) async throws {
        let wanted = try #require(written.all["complaint"]?.string)
        let complaints = try await play(written).joined(separator: "\n")
        #expect(complaints.contains(wanted), "\(written.id)")
    }

    @Test func theSkipListNamesCasesWithReasons() {
        let ids = Set(allCases.map(\.id))
        let bad = skipped.merging(beyondURLSession) { $1 }.filter { !ids.contains($0.key) || $0.value.isEmpty }
        #expect(bad == [:])
    }
}
