<?php

declare(strict_types=1);

namespace Rekindle\Core;

use FFI;
use Rekindle\Exception\Unsupported;

/**
 * Finds the core: in the extension `rekindle` if it is loaded, else in the C library, through FFI if that is allowed.
 *
 * @internal
 */
final class Loader
{
    /** @param string $boot identifies this boot of the machine; empty: unknown */
    public static function load(string $boot): Core
    {
        return extension_loaded('rekindle') ? new ExtensionCore($boot) : new FfiCore(self::opened(), $boot);
    }

    /** The declarations in the library's header, which FFI can read. */
    public static function declarations(string $header): string
    {
        $from = strpos($header, 'typedef');
        $to = strrpos($header, ';');
        if ($from === false || $to === false) {
            throw new Unsupported('rekindle.h holds no declarations: reinstall the package');
        }
        return substr($header, $from, $to + 1 - $from);
    }

    private static function opened(): FFI
    {
        if (!self::ffiIsAllowed()) {
            throw new Unsupported(
                'the extension rekindle is not loaded, and FFI, which could be used instead, is '
                . (extension_loaded('ffi') ? 'switched off' : 'not installed')
                . ' here (' . PHP_SAPI . '): install the extension with `pie install rekindle/extension`, '
                . 'or set `ffi.enable=true` in php.ini'
            );
        }
        $path = self::path();
        $header = file_get_contents(self::headerPath());
        try {
            return FFI::cdef(self::declarations((string) $header), $path);
        } catch (FFI\Exception $error) {
            throw new Unsupported("{$path} can't be loaded: {$error->getMessage()}", $error);
        }
    }

    private static function ffiIsAllowed(): bool
    {
        $enabled = strtolower((string) ini_get('ffi.enable'));
        $isShell = in_array(PHP_SAPI, ['cli', 'phpdbg', 'embed'], true);
        return extension_loaded('ffi') && (in_array($enabled, ['1', 'true', 'on', 'yes'], true) || ($enabled === 'preload' && $isShell));
    }

    private static function path(): string
    {
        $named = getenv('REKINDLE_LIBRARY');
        if (is_string($named) && $named !== '') {
            return $named;
        }
        $path = dirname(__DIR__, 2) . '/lib/' . self::platform() . '/' . self::fileName();
        if (!is_file($path)) {
            throw new Unsupported(
                "there is no library for this system ({$path}): build it with `cargo build --release -p rekindle-hosted`, "
                . 'and name it with REKINDLE_LIBRARY'
            );
        }
        return $path;
    }

    private static function headerPath(): string
    {
        $shipped = dirname(__DIR__, 2) . '/lib/rekindle.h';
        // Inside the repository.
        return is_file($shipped) ? $shipped : dirname(__DIR__, 3) . '/hosted/include/rekindle.h';
    }

    private static function platform(): string
    {
        return strtolower(PHP_OS_FAMILY) . '-' . php_uname('m');
    }

    private static function fileName(): string
    {
        return match (PHP_OS_FAMILY) {
            'Windows' => 'rekindle_hosted.dll',
            'Darwin' => 'librekindle_hosted.dylib',
            default => 'librekindle_hosted.so',
        };
    }
}
