/** The error codes of a failed Response that blame the request: sent again as it is, it fails again. */
export const RESPONSE_REQUEST_FAULTS: ReadonlySet<string> = new Set([
  'invalid_prompt',
  'data_residency_mismatch',
  'bio_policy',
  'misalignment_policy_violation',
  'invalid_image',
  'invalid_image_format',
  'invalid_base64_image',
  'invalid_image_url',
  'image_too_large',
  'image_too_small',
  'image_parse_error',
  'image_content_policy_violation',
  'invalid_image_mode',
  'image_file_too_large',
  'unsupported_image_media_type',
  'empty_image_file',
  'image_file_not_found',
]);

/** All error codes of a Response: the type `ResponseError` of openai-node 7.57. Clients know no others. */
export const RESPONSE_ERROR_CODES: ReadonlySet<string> = new Set([
  ...RESPONSE_REQUEST_FAULTS,
  // These may pass.
  'server_error',
  'rate_limit_exceeded',
  'vector_store_timeout',
  'failed_to_download_image',
]);
