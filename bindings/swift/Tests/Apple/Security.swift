// swift-format-ignore-file

// What `Keychain.swift` uses of Apple's framework of that name, with the same types: on other systems the tests have the
// compiler check it against these. None of it is ever run.

@_exported import Foundation

public typealias CFTypeRef = AnyObject
public typealias CFDictionary = NSDictionary
public typealias CFString = NSString
public typealias OSStatus = Int32

public nonisolated(unsafe) let kSecClass: CFString = ""
public nonisolated(unsafe) let kSecClassGenericPassword: CFString = ""
public nonisolated(unsafe) let kSecAttrService: CFString = ""
public nonisolated(unsafe) let kSecAttrAccount: CFString = ""
public nonisolated(unsafe) let kSecAttrAccessGroup: CFString = ""
public nonisolated(unsafe) let kSecAttrGeneric: CFString = ""
public nonisolated(unsafe) let kSecAttrAccessible: CFString = ""
public nonisolated(unsafe) let kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly: CFString = ""
public nonisolated(unsafe) let kSecValueData: CFString = ""
public nonisolated(unsafe) let kSecReturnData: CFString = ""
public nonisolated(unsafe) let kSecReturnAttributes: CFString = ""
public nonisolated(unsafe) let kSecMatchLimit: CFString = ""
public nonisolated(unsafe) let kSecMatchLimitOne: CFString = ""
public nonisolated(unsafe) let kSecUseDataProtectionKeychain: CFString = ""

public var errSecSuccess: OSStatus { 0 }
public var errSecItemNotFound: OSStatus { -25300 }
public var errSecDuplicateItem: OSStatus { -25299 }
public var errSecInteractionNotAllowed: OSStatus { -25308 }

public func SecItemCopyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus { 0 }
public func SecItemAdd(_ attributes: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus { 0 }
public func SecItemUpdate(_ query: CFDictionary, _ attributesToUpdate: CFDictionary) -> OSStatus { 0 }
