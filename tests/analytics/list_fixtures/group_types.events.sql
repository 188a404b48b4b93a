SELECT type, count() AS described
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0
GROUP BY type
ORDER BY described DESC, type
LIMIT {limit:UInt32};
