import Foundation

// `correctness [TIMES]` prints the table of what goes wrong; `speed URL [ROUNDS]` that of what it costs. A second process
// for the former is `one-call CONTENDER URL FILE ACCESS REFRESH`.
let words = CommandLine.arguments.dropFirst()
switch words.first {
case "correctness":
    let times = words.count > 1 ? Int(words[2]) ?? 3 : 3
    print(try await correctness(times: times), terminator: "")
case "speed" where words.count > 1:
    print(try await speed(url: words[2], rounds: words.count > 2 ? Int(words[3]) ?? 15 : 15), terminator: "")
case "one-call" where words.count == 6: try await oneCall(Array(words.dropFirst()))
default:
    FileHandle.standardError.write(Data("words: correctness [TIMES]; speed URL [ROUNDS]\n".utf8))
    exit(2)
}
