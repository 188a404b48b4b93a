SELECT group_id, type, name, properties, created_at
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0
    AND type = {v0:String}
    AND (positionCaseInsensitiveUTF8(group_id, {v1:String}) > 0
        OR positionCaseInsensitiveUTF8(name, {v1:String}) > 0)
    AND (created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
        OR (created_at = fromUnixTimestamp64Milli({v2:Int64}, 'UTC') AND group_id > {v1:String}))
ORDER BY created_at DESC, group_id
LIMIT {v3:UInt32};
