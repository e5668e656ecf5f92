//! The table of the named attributes of the Image resource. A line contains: type, name, setter if there is
//! one, key on the wire, place, access. Its documentation becomes that of the method.

/// Calls a macro with the table appended to the given tokens.
macro_rules! with_attributes {
    ($make:ident $($with:tt)*) => {
        $make! { $($with)*
            /// The name, at most 255 characters, all within the basic multilingual plane; it need not be
            /// unique.
            text name (set_name) = "name" Base Update;
            /// Whether the image is private, shared, public or a community image.
            visibility visibility (set_visibility) = "visibility" Base Update;
            /// Whether deleting it is refused.
            flag is_protected (set_protected) = "protected" Base Update;
            /// Whether lists omit it. Since API 2.7.
            flag is_hidden (set_hidden) = "os_hidden" Base Update;
            /// The project that owns it; none without authentication. Only an administrator may change it.
            text owner (set_owner) = "owner" Base Update;
            /// The container of the data: `bare` for a plain disk image. It must be set before data is
            /// uploaded, and cannot change afterwards.
            text container_format (set_container_format) = "container_format" Base Update;
            /// The format of the disk: `qcow2`, `raw`, … It must be set before data is uploaded, and cannot
            /// change afterwards.
            text disk_format (set_disk_format) = "disk_format" Base Update;
            /// The minimum size of the boot disk, in GiB.
            count min_disk (set_min_disk) = "min_disk" Base Update;
            /// The minimum memory, in MiB.
            count min_ram (set_min_ram) = "min_ram" Base Update;
            /// Size of the stored data, in bytes. None while there is no data, and after a failed upload.
            count size = "size" Base Service;
            /// Size of the disk inside the image, in bytes.
            count virtual_size = "virtual_size" Base Service;
            /// MD5 of the data in hex; none on hosts without MD5.
            text checksum = "checksum" Base Service;
            /// The name of the secure hash, in the spelling of Python's `hashlib`. Since API 2.7.
            text hash_algo = "os_hash_algo" Base Service;
            /// The secure hash of the data in hex. Since API 2.7.
            text hash_value = "os_hash_value" Base Service;
            /// Creation time of the record, ISO 8601.
            text created_at = "created_at" Base Service;
            /// Time of the last change of the record, ISO 8601.
            text updated_at = "updated_at" Base Service;
            /// Free texts of at most 255 characters each. They are a set: the server returns them in varying
            /// order.
            tags tags (set_tags) = "tags" Base Update;
            /// The path of its data, relative to the service.
            text file = "file" Base Service;
            /// The path of its schema.
            text schema = "schema" Base Service;
            /// The path of the record itself.
            text self_link = "self" Base Service;
            /// The location of the data, if the operator exposes it.
            text direct_url = "direct_url" Base Service;
            /// The store of its data, in services that expose it.
            text store = "store" Extra Service;
            /// The address of its data in a store, in services that expose it.
            text url (set_url) = "url" Extra Update;
            /// The metadata of its location, in services that expose them.
            object metadata = "metadata" Extra Update;
            /// The stores that hold its data, in services with several. Since API 2.8.
            names stores = "stores" Base Service;
            /// The locations of its data, if the operator exposes them; setting them needs a policy.
            locations locations (set_locations) = "locations" Base Update;

            /// The CPU architecture that the guest needs: `x86_64`, `aarch64`, …
            text architecture (set_architecture) = "architecture" Extra Update;
            /// `qemu` (also for KVM), `vmware`, `hyperv`, `ironic`, `lxc`, `xen` or `uml`.
            text hypervisor_type (set_hypervisor_type) = "hypervisor_type" Extra Update;
            /// A factor on the network bandwidth of the flavor.
            float instance_type_rxtx_factor (set_instance_type_rxtx_factor)
                = "instance_type_rxtx_factor" Extra Update;
            /// The server that a snapshot was created from.
            text instance_uuid (set_instance_uuid) = "instance_uuid" Extra Update;
            /// Whether the guest needs a config drive: `mandatory` or `optional`.
            text needs_config_drive (set_needs_config_drive) = "img_config_drive" Extra Update;
            /// The id of the kernel image of an AMI.
            text kernel_id (set_kernel_id) = "kernel_id" Extra Update;
            /// The distribution, in lower case: `ubuntu`, `debian`, …
            text os_distro (set_os_distro) = "os_distro" Extra Update;
            /// The version, in the spelling of the distribution.
            text os_version (set_os_version) = "os_version" Extra Update;
            /// Secure Boot: `required`, `optional` or `disabled`.
            text needs_secure_boot (set_needs_secure_boot) = "os_secure_boot" Extra Update;
            /// The time that the guest has for its shutdown, in seconds.
            integer os_shutdown_timeout (set_os_shutdown_timeout)
                = "os_shutdown_timeout" Extra Update;
            /// The id of the ramdisk image of an AMI.
            text ramdisk_id (set_ramdisk_id) = "ramdisk_id" Extra Update;
            /// The virtualisation mode of the guest: `hvm`, `xen`, `uml` or `exe`.
            text vm_mode (set_vm_mode) = "vm_mode" Extra Update;
            /// CPU sockets of the guest.
            integer hw_cpu_sockets (set_hw_cpu_sockets) = "hw_cpu_sockets" Extra Update;
            /// Cores per socket.
            integer hw_cpu_cores (set_hw_cpu_cores) = "hw_cpu_cores" Extra Update;
            /// Threads per core.
            integer hw_cpu_threads (set_hw_cpu_threads) = "hw_cpu_threads" Extra Update;
            /// The bus of the disks: `scsi`, `virtio`, `uml`, `xen`, `ide`, `usb`, `fdc`, `sata` or `lxc`.
            text hw_disk_bus (set_hw_disk_bus) = "hw_disk_bus" Extra Update;
            /// Whether the guest has dedicated CPUs: `shared`, `dedicated` or `mixed`.
            text hw_cpu_policy (set_hw_cpu_policy) = "hw_cpu_policy" Extra Update;
            /// The use of sibling threads: `isolate`, `prefer` or `require`.
            text hw_cpu_thread_policy (set_hw_cpu_thread_policy)
                = "hw_cpu_thread_policy" Extra Update;
            /// The random number generator: `virtio`.
            text hw_rng_model (set_hw_rng_model) = "hw_rng_model" Extra Update;
            /// The chipset: `pc`, `q35`, `virt`, `hyperv-gen1`, …
            text hw_machine_type (set_hw_machine_type) = "hw_machine_type" Extra Update;
            /// The SCSI controller: `virtio-scsi`, …
            text hw_scsi_model (set_hw_scsi_model) = "hw_scsi_model" Extra Update;
            /// Serial ports of the guest.
            integer hw_serial_port_count (set_hw_serial_port_count)
                = "hw_serial_port_count" Extra Update;
            /// The graphics card: `vga`, `virtio`, `qxl`, …
            text hw_video_model (set_hw_video_model) = "hw_video_model" Extra Update;
            /// The maximum video memory, in MiB.
            integer hw_video_ram (set_hw_video_ram) = "hw_video_ram" Extra Update;
            /// The watchdog's action for a guest that hangs: `disabled`, `reset`, `poweroff`, `pause` or
            /// `none`.
            text hw_watchdog_action (set_hw_watchdog_action) = "hw_watchdog_action" Extra Update;
            /// The command line of the guest's kernel.
            text os_command_line (set_os_command_line) = "os_command_line" Extra Update;
            /// The network card: `virtio`, `e1000`, …
            text hw_vif_model (set_hw_vif_model) = "hw_vif_model" Extra Update;
            /// Whether the network card has one queue per CPU.
            boolean is_hw_vif_multiqueue_enabled (set_hw_vif_multiqueue_enabled)
                = "hw_vif_multiqueue_enabled" Extra Update;
            /// Whether the firmware shows a boot menu.
            boolean is_hw_boot_menu_enabled (set_hw_boot_menu_enabled)
                = "hw_boot_menu" Extra Update;
            /// The SCSI adapter under VMware.
            text vmware_adaptertype (set_vmware_adaptertype) = "vmware_adaptertype" Extra Update;
            /// The operating system, in VMware's naming.
            text vmware_ostype (set_vmware_ostype) = "vmware_ostype" Extra Update;
            /// Whether the root partition is resized at boot, under Xen; `true`, `false` or `disabled`.
            text has_auto_disk_config (set_has_auto_disk_config) = "auto_disk_config" Extra Update;
            /// The type of operating system: `linux` or `windows`.
            text os_type (set_os_type) = "os_type" Extra Update;
            /// The user whose password Nova sets.
            text os_admin_user (set_os_admin_user) = "os_admin_user" Extra Update;
            /// Whether the guest runs the QEMU agent: `yes` or `no`.
            text hw_qemu_guest_agent (set_hw_qemu_guest_agent)
                = "hw_qemu_guest_agent" Extra Update;
            /// Whether a snapshot of a guest that cannot be quiesced fails.
            boolean os_require_quiesce (set_os_require_quiesce)
                = "os_require_quiesce" Extra Update;
        }
    };
}
pub(crate) use with_attributes;
