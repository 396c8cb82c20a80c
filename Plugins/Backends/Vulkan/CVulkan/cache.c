// The cache of pipelines that a driver compiled, as bytes for the next process.
#include <string.h>

#include "internal.h"

/// VkPipelineCacheHeaderVersionOne: what every driver begins its data with.
typedef struct {
    uint32_t header_bytes;
    uint32_t version;
    uint32_t vendor;
    uint32_t device;
    uint8_t uuid[VK_UUID_SIZE];
} rdv_cache_header;

bool rdv_cache_is_own(rdv_device *device, const void *data, size_t bytes) {
    rdv_cache_header header;
    if (bytes < sizeof header) return false;
    memcpy(&header, data, sizeof header);
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    device->instance->GetPhysicalDeviceProperties2(device->physical, &properties);
    const VkPhysicalDeviceProperties *own = &properties.properties;
    return header.header_bytes == sizeof header && header.version == VK_PIPELINE_CACHE_HEADER_VERSION_ONE
        && header.vendor == own->vendorID && header.device == own->deviceID
        && !memcmp(header.uuid, own->pipelineCacheUUID, VK_UUID_SIZE);
}

void rdv_cache_open(rdv_device *device, const void *data, size_t bytes) {
    const VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = bytes, .pInitialData = data};
    rdv_fault ignored;
    pthread_mutex_lock(&rdv_driver_lock);
    if (!RDV_CALL(device->instance, device, &ignored, CreatePipelineCache, device->handle, &info, NULL, &device->cache))
        device->cache = VK_NULL_HANDLE;
    pthread_mutex_unlock(&rdv_driver_lock);
}

static size_t read_cache(rdv_device *device, void *data, size_t bytes) {
    rdv_fault ignored;
    if (!device->cache) return 0;
    pthread_mutex_lock(&rdv_driver_lock);
    const int is_read =
        RDV_CALL(device->instance, device, &ignored, GetPipelineCacheData, device->handle, device->cache, &bytes, data);
    pthread_mutex_unlock(&rdv_driver_lock);
    return is_read ? bytes : 0;
}

size_t rdv_cache_size(rdv_device *device) { return read_cache(device, NULL, 0); }

size_t rdv_cache_read(rdv_device *device, void *data, size_t bytes) { return read_cache(device, data, bytes); }
